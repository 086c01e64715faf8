"""How much memory an idle WebSocket takes."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter, sleep

import psutil

from benchmarks.outcome import Goal, Outcome
from benchmarks.processes import Running, until
from benchmarks.programs.own import GENERATING, own_run
from benchmarks.servers.echo import echo_server

__all__ = ["measure"]

_SPARE, _WANTED = 500, 20_000
_SETTLE_S, _MOST_S = 1.0, 90.0
_WARM_UP = "16 s"  # users come in the first half of it
_MOST_KB = 16.0
_ABOUT = """
Users of one generator process come in the course of 8 s, open a WebSocket each and rest: {number:,}, which is what the
limit of descriptors of {limit:,} leaves, or 20,000. The server is picows in Python on the other core. Memory is what
the generating process has more of than with a single user: user, task, client and socket object, all in all.
"""


def measure() -> Outcome:
    """One user, then as many as there may be."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    number = min(_WANTED, limit - _SPARE)
    alone, many = _rest(1), _rest(number)
    kilobytes = (many["bytes"] - alone["bytes"]) / (number - 1) / 1000
    return Outcome(
        title="Idle WebSockets of one generator process",
        about=_ABOUT.format(number=number, limit=limit),
        columns=("connections", "KB each", "resident MB", "connections/s"),
        rows=(
            ("1", None, alone["bytes"] / 1e6, None),
            (f"{number:,}", kilobytes, many["bytes"] / 1e6, number / many["seconds"]),
        ),
        goals=(
            Goal(text="connections", measured=number, limit=min(_WANTED, limit - _SPARE)),
            Goal(text="KB for each connection", measured=kilobytes, limit=_MOST_KB, at_most=True),
        ),
    )


def _rest(number: int) -> Mapping[str, float]:
    variables = {"USERS": str(number), "LOAD": f"{_MOST_S:.0f} s", "WARM_UP": _WARM_UP}
    with (
        echo_server() as (url, server),
        tempfile.TemporaryDirectory(prefix="roo-benchmark-") as folder,
        own_run(Path(folder), "test_idle.py::test_idle_websockets", url, environment=variables) as run,
    ):
        before = _descriptors(server)
        until(lambda: _descriptors(server) > before)
        began = perf_counter()
        until(lambda: _descriptors(server) >= before + number, _MOST_S)
        took = perf_counter() - began
        sleep(_SETTLE_S)
        return {"bytes": run.running.resident_bytes(GENERATING), "seconds": took}


def _descriptors(server: Running) -> int:
    return psutil.Process(server.pid).num_fds()
