"""Whatever bytes come, the server neither answers 5xx nor ends. `tools/fuzz_ccs.py` does the same for longer."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from aiohttp import web
from fuzz_ccs import acquainted, fuzz
from fuzz_input import Known
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KNOWN = Known(routes=(("GET", "/x"),), token="t", user_id="u", device_id="d", ids=("i",))


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.randoms(use_true_random=False))
def test_no_bytes_are_the_servers_fault(target: Any, draw: random.Random) -> None:
    async def scenario() -> list[str]:
        async with acquainted(target.url) as known:
            return (await fuzz(target.url, known, draw, rounds=1)).problems

    assert asyncio.run(scenario()) == []


@pytest.mark.parametrize("status", [500, 200])
def test_a_server_that_fails_is_found(status: int) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=200 if request.path == "/health" else status)

    async def scenario() -> list[str]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            return (await fuzz(url, KNOWN, random.Random(1), rounds=1)).problems
        finally:
            await runner.cleanup()

    problems = asyncio.run(scenario())
    assert bool(problems) is (status == 500)
    assert all("500" in problem for problem in problems)


def test_a_server_that_is_gone_is_found() -> None:
    problems = asyncio.run(fuzz("http://127.0.0.1:9", KNOWN, random.Random(1), rounds=1)).problems
    assert "nobody listens" in problems[0]


@pytest.mark.parametrize("path", ["/health", "/api/v1/conversations", "/no/such/route"])
@pytest.mark.parametrize(
    ("expect", "status"), [(b"\x80\xff", b"417"), (b"200-ok", b"417"), (b"100-continue", b"100"), (b"", b"")]
)
def test_whatever_a_client_expects_is_no_fault_of_the_server(
    target: Any, path: str, expect: bytes, status: bytes
) -> None:
    async def scenario() -> bytes:
        host, _, port = target.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: %b\r\n\r\n" % (path.encode(), expect))
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    answer = asyncio.run(scenario())
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"HTTP/1.1 5" not in answer
    assert status != b"417" or b'"code":"EXPECTATION_FAILED"' in answer
