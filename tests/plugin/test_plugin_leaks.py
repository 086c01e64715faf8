"""The fixture `leaks` against a real server that keeps what it is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., pytest.RunResult]

SERVER = """
    import sys
    from aiohttp import web

    kept = []

    async def keep(request):
        kept.append(bytearray(64_000))
        return web.Response(text="kept")

    server = web.Application()
    server.add_routes([web.get("/keep", keep)])
    web.run_app(server, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""
TEST = """
    import sys
    import pytest
    from pytest_roo_load import LeakLimits, arrival_rate
    from pytest_roo_load.testing import own_server

    @pytest.fixture
    def target():
        with own_server(sys.executable, "keeping.py", "{port}") as url:
            yield url

    async def visit(user):
        async for _ in user.iterations():
            await user.http.get("/keep")

    def test_it(virtual_users, leaks):
        result = virtual_users.run(visit, arrival_rate("20 /s", "17 s", max_users=5))
        assert leaks.check(result, "generator", limits=LeakLimits(growth=20e6)).verdict.value == "pass"
        assert leaks.check(result, "ccs", "descriptors").verdict.value == "pass"
        leaks.check(result)
"""


def test_a_server_that_leaks_is_told_from_processes_that_do_not(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(keeping=SERVER, test_it=TEST)
    outcome = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=120)
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*memory of ccs does not go on growing: broken over 1? seconds: 1 leak"])
    (file,) = Path(pytester.path).glob(".roo/runs/*/results/*.json")
    (run,) = json.loads(file.read_text())["runs"]
    assert [found["verdict"] for found in run["findings"]] == ["pass", "pass", "fail"]
    assert "troughs grew by" in run["findings"][2]["note"]
