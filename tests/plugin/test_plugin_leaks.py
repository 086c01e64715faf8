"""The fixture `leaks` against two real servers: one keeps what it is given, the other one does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

SERVER = """
    import sys
    from aiohttp import web

    LEAKY = {leaky}
    kept = []

    async def take(request):
        kept.append(bytearray(64_000))
        if not LEAKY:
            kept.clear()
        return web.Response(text="taken")

    server = web.Application()
    server.add_routes([web.get("/take", take)])
    web.run_app(server, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""
LEAKY_LINE = 1 + textwrap.dedent(SERVER).splitlines().index("    kept.append(bytearray(64_000))")
TEST = """
    import sys
    import pytest
    from pytest_roo_load import LeakLimits, arrival_rate
    from pytest_roo_load.testing import own_server

    @pytest.fixture
    def target():
        with own_server(sys.executable, "server.py", "{port}") as url:
            yield url

    async def visit(user):
        async for _ in user.iterations():
            await user.http.get("/take")

    def test_it(virtual_users, leaks):
        result = virtual_users.run(visit, arrival_rate("20 /s", "17 s", max_users=5))
        assert leaks.check(result, "generator", limits=LeakLimits(growth=20e6)).verdict.value == "pass"
        assert leaks.check(result, "ccs", "descriptors").verdict.value == "pass"
        leaks.check(result)
"""


def begin(folder: Path, *, leaky: bool) -> subprocess.Popen[str]:
    """A run of pytest against a server, which takes as long as it takes to tell."""
    folder.mkdir()
    for name, source in (("server.py", SERVER.replace("{leaky}", str(leaky))), ("test_it.py", TEST)):
        (folder / name).write_text(textwrap.dedent(source), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", ".", "--roo-allocations", "3"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "160"},
    )


def findings(folder: Path) -> list[dict[str, Any]]:
    (file,) = folder.glob(".roo/runs/*/results/*.json")
    (run,) = json.loads(file.read_text(encoding="utf-8"))["runs"]
    return list(run["findings"])


def test_a_server_that_leaks_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    folders = {leaky: tmp_path / ("leaky" if leaky else "healthy") for leaky in (True, False)}
    with begin(folders[True], leaky=True) as leaking, begin(folders[False], leaky=False) as healthy:
        told, fine = leaking.communicate(timeout=120)[0], healthy.communicate(timeout=120)[0]

    assert (leaking.returncode, healthy.returncode) == (1, 0), told + fine
    assert "the memory of target does not go on growing: broken over 1" in told
    assert [found["verdict"] for found in findings(folders[True])] == ["pass", "pass", "fail"]
    (problem,) = findings(folders[True])[2]["problems"]
    assert "troughs grew by" in problem["text"]
    when, first, *_ = problem["details"]
    assert first.startswith(f"  server.py:{LEAKY_LINE}: ")
    (report,) = folders[True].glob(".roo/runs/*/report.html")
    for line in (when, first):
        assert line in told
        assert line in report.read_text(encoding="utf-8")
    assert [found["verdict"] for found in findings(folders[False])] == ["pass", "pass", "pass"]
