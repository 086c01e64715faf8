"""What a request costs when several generators share the load."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.cores import GENERATORS, SLICE_S, unhurried
from benchmarks.outcome import Goal, Outcome
from benchmarks.programs.own import GENERATING, own_run
from benchmarks.rounds import interleaved, middle, ratio
from benchmarks.servers.nginx import Nginx, nginx
from benchmarks.suite.http_rate import observed

__all__ = ["measure"]

USERS, ROUNDS = 64, 2
NUMBERS = (1, 2, 4, 8)
_MOST = NUMBERS[-1]
_ALL = USERS * _MOST
_SPREAD = 1.1
_AT_ONCE, _IN_TURNS = f"1 with {_ALL} users", f"{_MOST}, in short turns"
_ABOUT = f"""
{USERS} users per generator ask nginx for `/` without a pause; generators are local processes (`--roo-generators`)
and share {len(GENERATORS)} of the machine's {os.cpu_count()} cores, nginx has another one. CPU is that of the processes
of the generators alone, in {ROUNDS} interleaved rounds. Where generators have a core each, the rate is to grow with
their number; where they share one, only the cost of a request can be compared. Then the cost is also that of finding
the core's caches full of another generator's users. So that it be the cost on a core of one's own, the kernel is asked
to let each have the core for {SLICE_S * 1e3:.0f} ms at a time (SCHED_BATCH, and sched_setattr(2) since Linux 6.12).
The last two rows tell what that leaves out: "in short turns" is with the few milliseconds that the kernel gives of
itself, and "{_AT_ONCE}" is as many users as {_MOST} generators have together, in a single one.
"""


def measure() -> Outcome:
    """One generator against several."""
    with nginx() as server:
        readings = interleaved(
            {
                **{str(number): _contender(server, number) for number in NUMBERS},
                _IN_TURNS: _contender(server, _MOST, slice_s=0.0),
                _AT_ONCE: _contender(server, 1, users=_ALL),
            },
            ROUNDS,
        )
    costs = {name: ratio(readings, (name, "1"), "cpu_us") for name in readings}
    rates = {name: ratio(readings, (name, "1"), "rate") for name in readings}
    scaling = [number for number in NUMBERS[1:] if number <= len(GENERATORS)]
    return Outcome(
        title="Several generators",
        about=_ABOUT,
        columns=("generators", "requests/s", "CPU µs per request", "CPU, × one generator's", "requests/s, × one's"),
        rows=tuple(
            (name, middle(readings, name, "rate"), middle(readings, name, "cpu_us"), costs[name], rates[name])
            for name in readings
        ),
        goals=(
            *(
                Goal(
                    text=f"CPU per request of {number} generators, × one's",
                    measured=costs[str(number)],
                    limit=_SPREAD,
                    at_most=True,
                )
                for number in NUMBERS[1:]
            ),
            *(
                Goal(
                    text=f"requests/s of {number} generators, × one's", measured=rates[str(number)], limit=0.9 * number
                )
                for number in scaling
            ),
        ),
    )


def _contender(
    server: Nginx, number: int, *, users: int | None = None, slice_s: float = SLICE_S
) -> Callable[[], Mapping[str, float]]:
    """So many generators; `users` are all of theirs, by default as many for each as ever."""

    def turn() -> Mapping[str, float]:
        variables = {"USERS": str(users or USERS * number)}
        options = ("--roo-generators", str(number))
        with (
            unhurried(slice_s),
            tempfile.TemporaryDirectory(prefix="roo-benchmark-") as folder,
            own_run(Path(folder), "test_ask.py::test_ask", server.url, *options, environment=variables) as run,
        ):
            return observed(server, lambda: run.running.cpu_s(GENERATING))

    return turn
