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
TASKS_SERVER = """
    import asyncio, socket, sys
    from aiohttp import web

    LEAKY = {leaky}
    kept = []

    async def take(request):
        kept.append((asyncio.create_task(asyncio.sleep(600)), socket.socket()))
        if not LEAKY:
            task, connection = kept.pop()
            task.cancel()
            connection.close()
        return web.Response(text="taken")

    server = web.Application()
    server.add_routes([web.get("/take", take)])
    web.run_app(server, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""
Ended = tuple[int, str]  # exit status and what was written
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

TASKS_TEST = (
    TEST.partition("    def test_it")[0]
    + """
    def test_it(virtual_users, leaks):
        result = virtual_users.run(visit, arrival_rate("20 /s", "22 s", max_users=5))
        for use in ("tasks", "connections", "threads", "unique memory"):
            leaks.check(result, "target", use, limits=LeakLimits(growth=20e6) if "memory" in use else None)
        leaks.check(result, "generator", "tasks")
"""
)


def begin(folder: Path, *options: str, server: str, test: str) -> subprocess.Popen[str]:
    """A run of pytest against a server, which takes as long as it takes to tell."""
    folder.mkdir()
    for name, source in (("server.py", server), ("test_it.py", test)):
        (folder / name).write_text(textwrap.dedent(source), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", ".", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "160"},
    )


def findings(folder: Path) -> list[dict[str, Any]]:
    (file,) = folder.glob(".roo/runs/*/results/*.json")
    (run,) = json.loads(file.read_text(encoding="utf-8"))["runs"]
    return list(run["findings"])


def both(folder: Path, *options: str, server: str, test: str) -> tuple[dict[bool, Path], Ended, Ended]:
    """The folders of a run with a server that leaks and of one with a server that does not, and how these ended."""
    folders = {leaky: folder / ("leaky" if leaky else "healthy") for leaky in (True, False)}
    begun = [
        begin(where, *options, server=server.replace("{leaky}", str(leaky)), test=test)
        for leaky, where in folders.items()
    ]
    with begun[0] as leaking, begun[1] as healthy:
        told, fine = leaking.communicate(timeout=120)[0], healthy.communicate(timeout=120)[0]
    return folders, (leaking.returncode, told), (healthy.returncode, fine)


def test_a_server_that_leaks_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    folders, (leaking, told), (healthy, fine) = both(tmp_path, "--roo-allocations", "3", server=SERVER, test=TEST)

    assert (leaking, healthy) == (1, 0), told + fine
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


def test_a_server_that_leaks_tasks_and_connections_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    folders, (leaking, told), (healthy, fine) = both(tmp_path, "--roo-tasks", server=TASKS_SERVER, test=TASKS_TEST)

    assert (leaking, healthy) == (1, 1), told + fine
    for use in ("tasks", "connections"):
        assert f"the {use} of target do not go on growing: broken over" in told
    verdicts = {leaky: [found["verdict"] for found in findings(folder)] for leaky, folder in folders.items()}
    assert verdicts[True] == ["fail", "fail", "pass", "pass", "no data"]
    assert verdicts[False] == ["pass", "pass", "pass", "pass", "no data"]
    assert "the tasks of generator do not go on growing: no data; no process has told how many it has" in fine
    (file,) = folders[True].glob(".roo/runs/*/live/*")
    used = [json.loads(line)["resources"]["target"] for line in file.read_text(encoding="utf-8").splitlines()]
    assert used[-1]["tasks"] - used[1]["tasks"] > 300
    assert used[-1]["connections"] - used[1]["connections"] > 300
