"""What a request costs when several generators share the load."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.cores import GENERATORS, unhurried
from benchmarks.outcome import Goal, Outcome
from benchmarks.programs.own import GENERATING, own_run
from benchmarks.rounds import interleaved, middle, ratio
from benchmarks.servers.nginx import Nginx, nginx
from benchmarks.suite.http_rate import observed

__all__ = ["measure"]

USERS, ROUNDS = 64, 2
NUMBERS = (1, 2, 4, 8)
_SPREAD = 1.1
_ABOUT = f"""
{USERS} users per generator ask nginx for `/` without a pause; generators are local processes (`--roo-generators`)
and share {len(GENERATORS)} of the machine's {os.cpu_count()} cores, nginx has another one. CPU is that of the processes
of the generators alone, in {ROUNDS} interleaved rounds. Where generators have a core each, the rate is to grow with
their number; where they share one, only the cost of a request can be compared. Then the cost is also that of switching
between them, so the kernel is asked not to let one interrupt another whenever it wakes up (SCHED_BATCH).
"""


def measure() -> Outcome:
    """One generator against several."""
    with nginx() as server:
        readings = interleaved({str(number): _contender(server, number) for number in NUMBERS}, ROUNDS)
    costs = {number: ratio(readings, (str(number), "1"), "cpu_us") for number in NUMBERS}
    rates = {number: ratio(readings, (str(number), "1"), "rate") for number in NUMBERS}
    scaling = [number for number in NUMBERS[1:] if number <= len(GENERATORS)]
    return Outcome(
        title="Several generators",
        about=_ABOUT,
        columns=("generators", "requests/s", "CPU µs per request", "CPU, × one generator's", "requests/s, × one's"),
        rows=tuple(
            (name, middle(readings, name, "rate"), middle(readings, name, "cpu_us"), costs[number], rates[number])
            for number, name in zip(NUMBERS, readings, strict=True)
        ),
        goals=(
            *(
                Goal(
                    text=f"CPU per request of {number} generators, × one's",
                    measured=costs[number],
                    limit=_SPREAD,
                    at_most=True,
                )
                for number in NUMBERS[1:]
            ),
            *(
                Goal(text=f"requests/s of {number} generators, × one's", measured=rates[number], limit=0.9 * number)
                for number in scaling
            ),
        ),
    )


def _contender(server: Nginx, number: int) -> Callable[[], Mapping[str, float]]:
    def turn() -> Mapping[str, float]:
        variables = {"USERS": str(USERS * number)}
        options = ("--roo-generators", str(number))
        with (
            unhurried(),
            tempfile.TemporaryDirectory(prefix="roo-benchmark-") as folder,
            own_run(Path(folder), "test_ask.py::test_ask", server.url, *options, environment=variables) as run,
        ):
            return observed(server, lambda: run.running.cpu_s(GENERATING))

    return turn
