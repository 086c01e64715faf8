"""Under pytest -n: workers that are killed at any moment, and runs that are stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from fleet_lab import IN_TURN, PLUGINS, SIGHT, directory_of, eventually, generators, measured, overlaps

Make = Callable[..., object]
Distribute = Callable[..., pytest.RunResult]
Start = Callable[..., subprocess.Popen[bytes]]

# A shell's background jobs ignore SIGINT, and so would their children.
WITH_CTRL_C = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pytest.main(sys.argv[1:]))
"""

HEAD = "    from sight import *\n"


@pytest.fixture(autouse=True)
def _in_turn(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(IN_TURN)


def lost(outcome: pytest.RunResult) -> str:
    """The worker that was lost."""
    (name,) = re.findall(r"incomplete: worker (gw\d) was lost", outcome.stdout.str())
    return str(name)


def facts(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory_of(root) / "run.json").read_text(encoding="utf-8"))
    return found


def test_a_worker_killed_while_it_has_nothing_to_do(
    make_tests: Make, distribute: Distribute, pytester: pytest.Pytester
) -> None:
    """It stood at the barrier; the measurement that waited meanwhile has the others, and nothing of it is lost."""
    make_tests(
        HEAD
        + """
    def test_kills():
        go()
        until(lambda: through() and waits_alone())
        kill(through()[0])

    def test_later(virtual_users):
        virtual_users.run(visit, constant_users(4, "0.3 s"))
    """
    )
    outcome = distribute("-n", "3")
    outcome.assert_outcomes(passed=2)
    (result,) = measured(pytester.path)
    assert result["verdict"] == "pass"
    assert {"gw0", "gw1", "gw2"} - set(generators(result)) == {lost(outcome)}


@pytest.mark.parametrize("scheduler", ["load", "worksteal", "loadfile"])
def test_a_worker_killed_while_its_test_waited(
    make_tests: Make, distribute: Distribute, pytester: pytest.Pytester, scheduler: str
) -> None:
    """Its test is given to another worker and reported once."""
    make_tests(
        HEAD
        + """
    def test_later(virtual_users):
        virtual_users.run(visit, constant_users(4, "0.3 s"))
    """,
        test_kills=HEAD
        + """
    def test_kills():
        go()
        until(waits_alone)
        kill(others()[0])
    """,
    )
    outcome = distribute("-n", "2", f"--dist={scheduler}", "-v")
    assert outcome.parseoutcomes() == {"passed": 2, "rerun": 1}
    outcome.stdout.fnmatch_lines(["*RERUN*test_it.py::test_later*", "*PASSED*test_it.py::test_later*"])
    outcome.stdout.fnmatch_lines(["incomplete: worker gw? was lost", "incomplete: *waited for its turn in worker gw?*"])
    (result,) = measured(pytester.path)
    assert len(generators(result)) == 2, "the worker that killed has stayed, and the replacement leads"
    assert result["test"]["worker"] == "gw2"


def test_a_test_that_nobody_will_take_was_never_started(
    make_tests: Make, distribute: Distribute, pytester: pytest.Pytester
) -> None:
    make_tests(
        HEAD
        + """
    def test_kills():
        go()
        until(waits_alone)
        kill(others()[0])

    def test_later(virtual_users):
        virtual_users.run(visit, constant_users(4, "0.3 s"))
    """
    )
    outcome = distribute("-n", "2", "--max-worker-restart=0")
    outcome.assert_outcomes(passed=1, failed=1)
    outcome.stdout.fnmatch_lines(["*worker 'gw?' was lost while test_it.py::test_later waited*never started"])
    assert measured(pytester.path) == []


@pytest.mark.parametrize("scheduler", ["load", "loadscope"])
def test_a_worker_killed_while_it_generates(
    make_tests: Make, distribute: Distribute, pytester: pytest.Pytester, scheduler: str
) -> None:
    """The measurement that lost it is invalid, and the next one is not."""
    make_tests(
        HEAD
        + """
    class TestFirst:
        def test_loses(self, virtual_users):
            go()
            when_loading(lambda: kill(others()[0]))
            virtual_users.run(visit, constant_users(3, "30 s"))

    class TestSecond:
        def test_later(self, virtual_users):
            virtual_users.run(visit, constant_users(3, "0.3 s"))
    """
    )
    outcome = distribute("-n", "3", f"--dist={scheduler}")
    found = outcome.parseoutcomes()
    assert (found["passed"], found["failed"]) == (1, 1)
    outcome.stdout.fnmatch_lines(["*generator gw? (process *) died; what it had measured is lost*"])
    verdicts = {result["test"]["name"]: result["verdict"] for result in measured(pytester.path)}
    assert verdicts == {"test_loses": "invalid", "test_later": "pass"}
    assert facts(pytester.path)["status"] == "incomplete"


def test_a_worker_killed_while_it_leads(make_tests: Make, distribute: Distribute, pytester: pytest.Pytester) -> None:
    """Its test has failed; the others generate for the next one, the first worker's replacement among them or not."""
    make_tests(
        HEAD
        + """
    def test_dies(virtual_users):
        go()
        when_loading(lambda: kill(ME))
        virtual_users.run(visit, constant_users(3, "30 s"))

    @pytest.mark.parametrize("number", range(2))
    def test_later(virtual_users, number):
        virtual_users.run(visit, constant_users(3, "0.3 s"))
    """
    )
    outcome = distribute("-n", "3")
    outcome.assert_outcomes(passed=2, failed=1)
    outcome.stdout.fnmatch_lines(
        ["*worker 'gw?' crashed while running 'test_it.py::test_dies'*", "incomplete: *test_it.py::test_dies*"]
    )
    assert "test_it.py::test_dies" in facts(pytester.path)["reason"]
    assert "INCOMPLETE" in (directory_of(pytester.path) / "report.html").read_text(encoding="utf-8").upper()
    results = measured(pytester.path)
    assert [result["verdict"] for result in results] == ["pass", "pass"]
    assert all({"gw0", "gw1", "gw2"} - set(generators(result)) == {lost(outcome)} for result in results)
    assert overlaps(results, []) == []


def test_what_a_worker_had_broken_when_it_was_killed_is_mended_before_the_next_test(
    make_tests: Make, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(sight=SIGHT)
    make_tests(
        HEAD
        + """
    import urllib.request

    async def look(user):
        async for _ in user.iterations():
            await user.http.get("/health")
            await user.think(0.01)

    def test_dies(virtual_users, faults):
        go()
        when_loading(lambda: kill(ME))
        virtual_users.run(look, constant_users(3, "30 s"), faults=faults.at("100 ms").pause("ccs"))

    def test_later(target):
        with urllib.request.urlopen(f"{target.url}/health", timeout=10) as answer:
            assert answer.status == 200

    @pytest.mark.sla("error_rate < 1 %")
    def test_later_faults(virtual_users, faults):
        restart = faults.at("1 s").restart("redis")
        virtual_users.run(look, constant_users(3, "2 s"), faults=restart)
    """
    )
    outcome = pytester.runpytest_subprocess(*PLUGINS, "-n", "2", timeout=120)
    outcome.assert_outcomes(passed=2, failed=1)
    outcome.stdout.fnmatch_lines(["*worker 'gw?' crashed while running 'test_it.py::test_dies'*"])
    assert [result["verdict"] for result in measured(pytester.path)] == ["pass"]


def test_the_first_failure_ends_the_run_before_a_measurement_begins(
    make_tests: Make, distribute: Distribute, pytester: pytest.Pytester
) -> None:
    make_tests(
        HEAD
        + """
    def test_fails():
        go()
        until(waits_alone)
        assert False

    @pytest.mark.parametrize("number", range(3))
    def test_later(virtual_users, number):
        virtual_users.run(visit, constant_users(3, "60 s"))
    """
    )
    outcome = distribute("-n", "2", "-x")
    assert outcome.parseoutcomes() == {"failed": 1}
    assert outcome.ret == pytest.ExitCode.INTERRUPTED
    outcome.stdout.fnmatch_lines(["*stopping after 1 failures*"])
    assert not list(pytester.path.glob(".roo/runs/*/live/*"))
    assert facts(pytester.path)["status"] == "incomplete"


@pytest.fixture
def start(pytester: pytest.Pytester, small_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts pytest -n 3 on the small server, as a group of its own."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(sight=SIGHT)
    started = []

    def run(*arguments: str) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-c",
            WITH_CTRL_C,
            *PLUGINS,
            f"--roo-target={small_server.url}",
            "-n",
            "3",
            *arguments,
        ]
        with (pytester.path / "output").open("wb") as output:
            process = subprocess.Popen(command, cwd=pytester.path, start_new_session=True, stdout=output, stderr=output)
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("to", ["the controller", "all"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interruption_leaves_nothing_behind(
    make_tests: Make, start: Start, pytester: pytest.Pytester, how: signal.Signals, to: str
) -> None:
    """One worker measures, one waits for its turn, one is at the barrier."""
    make_tests(
        HEAD
        + """
    @pytest.mark.parametrize("number", range(2))
    def test_measure(virtual_users, number):
        virtual_users.run(visit, constant_users(3, "60 s"))
    """
    )
    process = start()
    root = pytester.path
    eventually(lambda: any(path.stat().st_size for path in root.glob(".roo/runs/*/live/*")), "no load began")
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"roo-{directory_of(root).name.rpartition('-')[2]}"
    assert sorted(path.name for path in (folder / "g").iterdir()) == ["gw0", "gw1", "gw2"]
    assert (folder / "g").stat().st_mode & 0o777 == 0o700
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 3
    (os.kill if to == "the controller" else os.killpg)(process.pid, how)
    process.wait(30)
    eventually(
        lambda: not any(child.is_running() and child.status() != "zombie" for child in children), "workers stayed"
    )
    eventually(lambda: not folder.exists(), "the sockets stayed")
    if how is signal.SIGINT:
        assert facts(root)["status"] == "incomplete"
        assert len(list(root.glob(".roo/runs/*/live/*"))) == 1, "no other measurement began"
        assert [result["verdict"] for result in measured(root)] == ["invalid"]
        assert "INTERNALERROR" not in (root / "output").read_text(encoding="utf-8")


def test_what_a_sound_run_leaves_behind(make_tests: Make, start: Start, pytester: pytest.Pytester) -> None:
    make_tests("""
        def test_measure(virtual_users):
            virtual_users.run(visit, constant_users(3, "0.2 s"))
    """)
    process = start()
    assert process.wait(60) == 0
    assert not list(Path(os.environ.get("TMPDIR", "/tmp")).glob(f"roo-{directory_of(pytester.path).name[-8:]}*"))
    assert "1 passed" in (pytester.path / "output").read_text(encoding="utf-8")
