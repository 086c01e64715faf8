"""Whatever a server says, a request ends: with an answer, or with one counted error of a known kind."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence
from contextlib import suppress

import pytest
from client_lab import counted, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_server import Peer, serving

from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.clients.http.settings import HttpSettings
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import OperationError

KINDS = {"connection lost", "protocol", "too large", "coding"}
VALID = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: a=1\r\nContent-Length: 12\r\n\r\nhello, world",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nX-T: 1\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
    b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"hello", mtime=0),
)
TIMES = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def hear(parts: Sequence[bytes], *, streamed: bool, decompress: bool) -> tuple[int, dict[str, int], int]:
    """What is counted when a server says some bytes in several writes and goes away."""

    async def talk(peer: Peer) -> None:
        await peer.request()
        for part in parts:
            await peer.say(part)
            await asyncio.sleep(0)

    async def main() -> tuple[int, dict[str, int], int]:
        recorder = PhaseRecorder("steady")
        async with serving(talk) as server:
            limits = HttpSettings(decompress=decompress, max_body_bytes=10_000)
            client = HttpClient(server.url, recorder, Sweeper(), settings=limits)
            with suppress(OperationError):
                await (stream(client) if streamed else client.get("/x"))
            await client.close()
        (result,) = counted(recorder).values()
        return result

    return run(main())


async def stream(client: HttpClient) -> None:
    async with client.stream("GET", "/x") as answer:
        async for _ in answer:
            pass


def verify(result: tuple[int, dict[str, int], int]) -> None:
    ok, failed, interrupted = result
    assert (ok + sum(failed.values()), interrupted) == (1, 0)
    assert all(kind in KINDS or kind.startswith("status ") for kind in failed), failed


@TIMES
@given(st.binary(max_size=300), st.booleans(), st.booleans())
def test_random_bytes(data: bytes, streamed: bool, decompress: bool) -> None:  # noqa: FBT001 - drawn
    verify(hear([data], streamed=streamed, decompress=decompress))


@TIMES
@given(st.sampled_from(VALID), st.data(), st.booleans(), st.booleans())
def test_a_valid_answer_cut_anywhere(answer: bytes, data: st.DataObject, streamed: bool, decompress: bool) -> None:  # noqa: FBT001 - drawn
    end = data.draw(st.integers(0, len(answer)))
    cuts = sorted(data.draw(st.lists(st.integers(0, end), max_size=4)))
    parts = [answer[start:stop] for start, stop in zip([0, *cuts], [*cuts, end], strict=True)]
    verify(hear(parts, streamed=streamed, decompress=decompress))


@TIMES
@given(st.sampled_from(VALID), st.data(), st.booleans(), st.booleans())
def test_a_valid_answer_with_other_bytes_in_it(
    answer: bytes,
    data: st.DataObject,
    streamed: bool,  # noqa: FBT001 - drawn
    decompress: bool,  # noqa: FBT001 - drawn
) -> None:
    at = data.draw(st.integers(0, len(answer)))
    gone = data.draw(st.integers(0, 20))
    other = data.draw(st.binary(max_size=20))
    verify(hear([answer[:at] + other + answer[at + gone :]], streamed=streamed, decompress=decompress))


@pytest.mark.parametrize("answer", VALID)
@pytest.mark.parametrize("streamed", [False, True])
def test_the_valid_answers_are_valid(answer: bytes, *, streamed: bool) -> None:
    ok, failed, _ = hear([answer], streamed=streamed, decompress=True)
    assert ok or failed == {"status 404": 1}


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "flood"),
    [
        pytest.param(OK + b"X: ", b"x" * 65536, id="header"),
        pytest.param(OK, b"X: 1\r\n" * 10_000, id="headers"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 3000, id="interim answers"),
        pytest.param(CHUNKED + b"1;", b"e" * 65536, id="chunk extension"),
        pytest.param(CHUNKED + b"0\r\n", b"X: 1\r\n" * 10_000, id="trailers"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_flood_without_end_ends(start: bytes, flood: bytes, *, streamed: bool) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.say(start)
        while True:
            await peer.say(flood)

    async def main() -> dict[str, int]:
        recorder = PhaseRecorder("steady")
        async with serving(talk) as server:
            client = HttpClient(server.url, recorder, Sweeper(), settings=HttpSettings(max_body_bytes=2**20))
            with pytest.raises(OperationError):
                await (stream(client) if streamed else client.get("/x"))
            await client.close()
        ((_, failed, _),) = counted(recorder).values()
        return failed

    assert set(run(main())) <= {"too large", "protocol"}
