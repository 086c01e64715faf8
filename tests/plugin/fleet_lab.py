"""What the tests of the fleet under xdist share: tests that look at, wait for and kill each other's workers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

__all__ = [
    "IN_TURN", "PLUGINS", "SIGHT", "directory_of", "each_once", "eventually", "generators",
    "intervals_of_ordinary_tests", "measured", "overlaps",
]  # fmt: skip

# Only what is needed: each worker would load the rest.
PLUGINS = ("-p", "xdist", "-p", "pytest_roo_load.plugin", "-p", "pytest_timeout", "-p", "no:cacheprovider")

# A module `sight` for tests that are to see what other workers do; each worker writes its process id to a file.
SIGHT = '''
    import fcntl, json, os, signal, sys, threading, time
    from pathlib import Path

    ME = os.environ.get("PYTEST_XDIST_WORKER", "")
    Path(f"pid-{ME}").write_text(str(os.getpid()))

    def until(predicate):
        """Waits for something that another process does."""
        ends = time.monotonic() + 60
        while not predicate():
            assert time.monotonic() < ends, "it never happened"
            time.sleep(0.01)

    def locks():
        return next(iter(Path(".roo/runs").glob("*/locks")))

    def waits_alone():
        """Whether a test that measures stands in the gate and waits for its turn."""
        with (locks() / "gate.lock").open("a") as gate:
            try:
                fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def through():
        """The workers that have run out of tests."""
        return [path.name[:3] for path in locks().glob("gw?.through")]

    def kill(worker):
        """Kills a worker and waits until the controller knows."""
        os.kill(int(Path(f"pid-{worker}").read_text()), signal.SIGKILL)
        if worker != ME:
            until(lambda: worker not in json.loads((locks() / "nodes.json").read_text())["up"])

    def when_loading(action):
        """Acts as soon as a second of a load has been written."""
        def wait():
            until(lambda: any(path.stat().st_size for path in Path(".roo/runs").glob("*/live/*")))
            action()
        threading.Thread(target=wait, daemon=True).start()

    def go():
        """Lets tests named test_later... ask for their turn."""
        Path("go").touch()

    def others():
        return sorted(path.name[4:] for path in Path().glob("pid-gw*") if path.name[4:] != ME)
'''

# Which worker comes first is chance: tests named test_later... do not even ask for their turn before another lets them.
IN_TURN = """
    import pytest
    from pathlib import Path
    from sight import until

    class InTurn:
        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_protocol(self, item):
            if item.name.startswith("test_later"):
                until(Path("go").exists)
            return (yield)

    def pytest_sessionstart(session):
        session.config.pluginmanager.register(InTurn())  # the last one to come is the outermost
"""


def directory_of(root: Path) -> Path:
    """The directory of the only run."""
    (directory,) = (root / ".roo/runs").iterdir()
    return directory


def measured(root: Path) -> list[dict[str, Any]]:
    """The results of the only run, by the names of their files."""
    paths = sorted(directory_of(root).glob("results/*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def generators(result: dict[str, Any]) -> list[str]:
    """The names of the generators of a test's first run."""
    return [health["name"] for health in result["runs"][0]["generators"]]


def intervals_of_ordinary_tests(root: Path) -> list[list[float]]:
    """What ordinary tests have written into interval-*.json."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in root.glob("interval-*.json")]


def overlaps(alone: list[dict[str, Any]], ordinary: list[list[float]]) -> list[Any]:
    """The pairs of recorded intervals that overlap although one of them is of a measurement."""
    loads = sorted(run["interval"] for result in alone for run in result["runs"])
    among = [pair for pair in pairwise(loads) if pair[0][1] > pair[1][0]]
    return among + [(load, other) for load in loads for other in ordinary if load[0] < other[1] and other[0] < load[1]]


def each_once(outcome: pytest.RunResult, tests: int) -> bool:
    """Whether so many tests passed and nothing else was reported."""
    return outcome.parseoutcomes() == {"passed": tests}


def eventually(predicate: Callable[[], object], what: str) -> None:
    """Waits for something that another process does."""
    until = time.monotonic() + 30
    while not predicate():
        assert time.monotonic() < until, what
        time.sleep(0.02)
