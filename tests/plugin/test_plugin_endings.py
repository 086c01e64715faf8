"""However a run ends, nothing stays behind, and what was measured is written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

Make = Callable[..., object]

# A shell's background jobs ignore SIGINT, and so would their children.
WITH_CTRL_C = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pytest.main(sys.argv[1:]))
"""

LONG = """
    def test_long(virtual_users):
        virtual_users.run(visit, constant_users(2, "60 s"))
"""


def eventually(predicate: Callable[[], object], what: str) -> None:
    until = time.monotonic() + 20
    while not predicate():
        assert time.monotonic() < until, what
        time.sleep(0.02)


@pytest.fixture
def start(pytester: pytest.Pytester) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts pytest on the embedded stack, as a group of its own."""
    started = []

    def run(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", WITH_CTRL_C, "-p", "no:cacheprovider", *arguments]
        process = subprocess.Popen(command, cwd=pytester.path, start_new_session=True, stdout=subprocess.DEVNULL)
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def loading(root: Path) -> bool:
    """Whether a load has begun: a second has been written."""
    return any(path.stat().st_size for path in root.glob(".roo/runs/*/live/*.ndjson"))


def runtime_folder(root: Path) -> Path:
    (description,) = root.glob(".roo/runs/*/run.json")
    token = json.loads(description.read_text(encoding="utf-8"))["id"].rpartition("-")[2]
    return Path(os.environ.get("TMPDIR", "/tmp")) / f"roo-{token}"


def ours(root: Path) -> list[psutil.Process]:
    """Every process of a run: those of its tree, and the keeper's with its services."""
    folder = str(runtime_folder(root))
    found = []
    for process in psutil.process_iter():
        try:
            belongs = process.environ().get("ROO_KEEPER_FOLDER") == folder or folder in " ".join(process.cmdline())
        except psutil.Error:
            continue
        if belongs and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "xdist"])
def test_ctrl_c(
    make_tests: Make, start: Callable[..., subprocess.Popen[bytes]], pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    make_tests(LONG)
    process = start(*workers)
    eventually(lambda: loading(pytester.path), "no load began")
    descendants = psutil.Process(process.pid).children(recursive=True)
    assert ours(pytester.path)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == pytest.ExitCode.INTERRUPTED
    eventually(lambda: not ours(pytester.path), "services stayed")
    eventually(
        lambda: not any(child.is_running() and child.status() != "zombie" for child in descendants), "children stayed"
    )
    assert not runtime_folder(pytester.path).exists()
    (description,) = pytester.path.glob(".roo/runs/*/run.json")
    assert json.loads(description.read_text(encoding="utf-8"))["status"] == "incomplete"
    (report,) = pytester.path.glob(".roo/runs/*/report.html")
    assert "INCOMPLETE" in report.read_text(encoding="utf-8").upper()


def test_kill_9(make_tests: Make, start: Callable[..., subprocess.Popen[bytes]], pytester: pytest.Pytester) -> None:
    make_tests(LONG)
    process = start()
    eventually(lambda: loading(pytester.path), "no load began")
    descendants = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait(20)
    eventually(lambda: not ours(pytester.path), "services stayed")
    eventually(lambda: not any(child.is_running() for child in descendants), "children stayed")
    eventually(lambda: not runtime_folder(pytester.path).exists(), "the runtime folder stayed")
    (live,) = pytester.path.glob(".roo/runs/*/live/*.ndjson")
    assert all(json.loads(line) for line in live.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("outcome", ["pass", "assert False"], ids=["success", "failure"])
def test_an_ordinary_end(
    make_tests: Make, start: Callable[..., subprocess.Popen[bytes]], pytester: pytest.Pytester, outcome: str
) -> None:
    make_tests(f"""
        from urllib.request import urlopen

        def test_services(target, postgres, redis, scale):
            assert urlopen(target.url + "/health").status == 200
            assert postgres.url.startswith("postgresql://") and redis.url.startswith("redis://")
            assert scale.name == "standard" and scale(quick=1, standard=2, soak=3) == 2
            {outcome}
    """)
    process = start()
    assert process.wait(60) == (0 if outcome == "pass" else 1)
    assert ours(pytester.path) == []
    assert not runtime_folder(pytester.path).exists()


def test_a_dead_generator_makes_the_run_invalid(
    make_tests: Make, run_pytest: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    make_tests("""
        import os, signal

        async def deadly(user):
            async for number in user.iterations():
                await user.http.get("/x/1")
                if number == 20:
                    os.kill(os.getpid(), signal.SIGKILL)

        def test_dead(virtual_users):
            virtual_users.run(deadly, constant_users(2, "5 s"))
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["test_it.py:*generator local-0 (process *) died with exit status -9*", "*invalid*"])
    (result,) = pytester.path.glob(".roo/runs/*/results/*.json")
    assert json.loads(result.read_text(encoding="utf-8"))["verdict"] == "invalid"
