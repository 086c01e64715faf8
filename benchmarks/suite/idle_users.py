"""How much memory an idle HTTP user takes, and how fast many of them are there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from benchmarks.cores import GENERATOR
from benchmarks.outcome import Goal, Outcome
from benchmarks.processes import program, started, until
from benchmarks.programs.own import GENERATING, own_run
from benchmarks.rounds import interleaved, middle
from benchmarks.servers.nginx import Nginx, nginx

__all__ = ["measure"]

OWN = "pytest-roo-load"
USERS = 5000
_SETTLE_S, _MOST_S = 1.0, 60.0
_MOST_MB, _MOST_CONNECT_S = 70.0, 5.0
_PROGRAMS = Path(__file__).parents[1] / "programs"
_ABOUT = f"""
{USERS:,} users ask nginx for `/` once and keep their connections, one each. Memory is the resident memory of the
generating process while all of them rest, code and libraries included. The time runs from the first connection that
nginx has until it has all of them.
"""


def measure() -> Outcome:
    """Everybody once: memory does not vary."""
    with nginx() as server:
        contenders = {OWN: lambda: _our_turn(server), **_peers(server)}
        readings = interleaved(contenders, 1)
    columns = ("memory_mb", "kib_each", "connected_s")
    return Outcome(
        title=f"{USERS:,} idle HTTP users in one process",
        about=_ABOUT,
        columns=("generator", "resident MB", "KiB per user, code included", "s until connected"),
        rows=tuple((name, *(middle(readings, name, column) for column in columns)) for name in readings),
        goals=(
            Goal(text="resident MB", measured=middle(readings, OWN, "memory_mb"), limit=_MOST_MB, at_most=True),
            Goal(
                text="s until connected",
                measured=middle(readings, OWN, "connected_s"),
                limit=_MOST_CONNECT_S,
                at_most=True,
            ),
        ),
        picture="resident MB",
    )


def _our_turn(server: Nginx) -> Mapping[str, float]:
    variables = {"USERS": str(USERS), "LOAD": f"{_MOST_S:.0f} s"}
    with (
        tempfile.TemporaryDirectory(prefix="roo-benchmark-") as folder,
        own_run(Path(folder), "test_idle.py::test_idle_http", server.url, environment=variables) as run,
    ):
        return _observed(server, lambda: run.running.resident_bytes(GENERATING))


def _peers(server: Nginx) -> dict[str, Callable[[], Mapping[str, float]] | None]:
    locust, k6 = program("locust"), program("k6")
    options = ("--headless", "--only-summary", "-u", f"{USERS}", "-r", f"{USERS}", "-H", server.url)
    commands = {
        "Locust FastHttpUser": (locust, "-f", _PROGRAMS / "locustfile.py", *options, "IdleFast"),
        "Locust HttpUser": (locust, "-f", _PROGRAMS / "locustfile.py", *options, "IdleUsual"),
        "k6": (k6, "run", "-q", "--no-usage-report", "-u", f"{USERS}", "-d", "3600s", _PROGRAMS / "rest.js"),
    }
    return {
        name: None if command is None else _turn(server, (command, *arguments))
        for name, (command, *arguments) in commands.items()
    }


def _turn(server: Nginx, command: Sequence[Any]) -> Callable[[], Mapping[str, float]]:
    def turn() -> Mapping[str, float]:
        with started(command, GENERATOR, environment={"TARGET": server.url}) as running:
            return _observed(server, running.resident_bytes)

    return turn


def _observed(server: Nginx, memory: Callable[[], int]) -> Mapping[str, float]:
    until(lambda: not server.connections(), _MOST_S)
    until(lambda: server.connections() > 0, _MOST_S)
    began = perf_counter()
    until(lambda: server.connections() >= USERS, _MOST_S)
    took = perf_counter() - began
    sleep(_SETTLE_S)
    used = memory()
    return {"memory_mb": used / 1e6, "kib_each": used / USERS / 1024, "connected_s": took}
