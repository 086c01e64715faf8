"""The fixture `leaks` against two real servers: one keeps what it is given, the other one does not."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

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


@dataclass(frozen=True, kw_only=True)
class Case:
    """A server of which one edition leaks, and a test that tells: how the runs ended, by whether the server leaks."""

    server: str
    test: str
    options: tuple[str, ...]
    folders: dict[bool, Path] = field(default_factory=dict)
    statuses: dict[bool, int] = field(default_factory=dict)
    output: dict[bool, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """All of them at once, for they wait most of the time."""
    cases = {
        "memory": Case(server=SERVER, test=TEST, options=("--roo-allocations", "3")),
        "tasks": Case(server=TASKS_SERVER, test=TASKS_TEST, options=("--roo-tasks",)),
    }
    with contextlib.ExitStack() as stack:
        begun = []
        for name, case in cases.items():
            for leaky in (True, False):
                folder = case.folders[leaky] = tmp_path_factory.mktemp("leaks") / f"{name}-{leaky}"
                server = case.server.replace("{leaky}", str(leaky))
                process = stack.enter_context(begin(folder, *case.options, server=server, test=case.test))
                stack.callback(process.kill)
                begun.append((case, leaky, process))
        for case, leaky, process in begun:
            case.output[leaky] = process.communicate(timeout=120)[0]
            case.statuses[leaky] = process.returncode
    return cases


def test_a_server_that_leaks_is_told_from_one_that_does_not(cases: dict[str, Case]) -> None:
    case = cases["memory"]
    told = case.output[True]
    assert case.statuses == {True: 1, False: 0}, told + case.output[False]
    assert "the memory of target does not go on growing: broken over 1" in told
    assert [found["verdict"] for found in findings(case.folders[True])] == ["pass", "pass", "fail"]
    (problem,) = findings(case.folders[True])[2]["problems"]
    assert "troughs grew by" in problem["text"]
    when, first, *_ = problem["details"]
    assert first.startswith(f"  server.py:{LEAKY_LINE}: ")
    (report,) = case.folders[True].glob(".roo/runs/*/report.html")
    for line in (when, first):
        assert line in told
        assert line in report.read_text(encoding="utf-8")
    assert [found["verdict"] for found in findings(case.folders[False])] == ["pass", "pass", "pass"]


def test_a_server_that_leaks_tasks_and_connections_is_told_from_one_that_does_not(cases: dict[str, Case]) -> None:
    case = cases["tasks"]
    told, fine = case.output[True], case.output[False]
    assert case.statuses == {True: 1, False: 1}, told + fine
    for use in ("tasks", "connections"):
        assert f"the {use} of target do not go on growing: broken over" in told
    verdicts = {leaky: [found["verdict"] for found in findings(folder)] for leaky, folder in case.folders.items()}
    assert verdicts[True] == ["fail", "fail", "pass", "pass", "no data"]
    assert verdicts[False] == ["pass", "pass", "pass", "pass", "no data"]
    assert "the tasks of generator do not go on growing: no data; no process has told how many it has" in fine
    (file,) = case.folders[True].glob(".roo/runs/*/live/*")
    used = [json.loads(line)["resources"]["target"] for line in file.read_text(encoding="utf-8").splitlines()]
    assert used[-1]["tasks"] - used[1]["tasks"] > 300
    assert used[-1]["connections"] - used[1]["connections"] > 300
