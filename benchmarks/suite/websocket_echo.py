"""Round trips per second over WebSockets."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

from benchmarks.outcome import Goal, Outcome
from benchmarks.processes import Running
from benchmarks.programs.own import own_run
from benchmarks.servers.echo import echo_server

__all__ = ["measure"]

USERS, ROUNDS = 100, 3
_BEFORE_S, _WINDOW_S = 2.5, 4.0
_GOAL = 35_000
_ABOUT = f"""
{USERS} users send 64 bytes as a text message and wait for the answer, again and again without a pause; each round trip
is an operation, correlated and recorded. The server is picows in Python and has a core for itself: where it is busy all
of the time, it is what limits the rate. "Per core" is the rate divided by the share of a core that all processes of
pytest-roo-load took. Medians of {ROUNDS} rounds.
"""


def measure() -> Outcome:
    """Several rounds against one server."""
    with echo_server() as (url, server):
        rounds = [_talk(url, server) for _ in range(ROUNDS)]
    columns = ("rate", "per_core", "own_us", "server_us", "server_share")
    middle = {column: median(one[column] for one in rounds) for column in columns}
    return Outcome(
        title="WebSocket round trips from one core",
        about=_ABOUT,
        columns=("client", "round trips/s", "per core", "CPU µs each", "server's CPU µs each", "server's core, share"),
        rows=(("pytest-roo-load", *middle.values()),),
        goals=(Goal(text="round trips/s", measured=middle["rate"], limit=_GOAL),),
    )


def _talk(url: str, server: Running) -> Mapping[str, float]:
    with (
        tempfile.TemporaryDirectory(prefix="roo-benchmark-") as folder,
        own_run(Path(folder), "test_talk.py::test_talk", url, environment={"USERS": str(USERS)}) as run,
    ):
        run.until_loading()
        sleep(_BEFORE_S)
        began, own, served = perf_counter(), run.running.cpu_s(), server.cpu_s()
        sleep(_WINDOW_S)
        lasted, own, served = perf_counter() - began, run.running.cpu_s() - own, server.cpu_s() - served
        run.finish()
        rate = run.steady_rate()
    return {
        "rate": rate,
        "per_core": rate * lasted / own,
        "own_us": own / lasted / rate * 1e6,
        "server_us": served / lasted / rate * 1e6,
        "server_share": served / lasted,
    }
