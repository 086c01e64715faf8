"""One sweeper per generator ends what is past its deadline.

A timer for every request costs several microseconds; a look at all open connections a few times a second costs next to
nothing. A deadline is therefore kept to the length of a sweep (`INTERVAL_S`), never earlier.
"""

from __future__ import annotations

import math
from typing import Protocol

__all__ = ["IDLE", "INTERVAL_S", "Expiring", "Sweeper"]

INTERVAL_S = 0.05
IDLE = math.inf


class Expiring(Protocol):
    """Something with a deadline on the clock of `time.perf_counter`, `IDLE` while nothing is awaited."""

    deadline: float

    def expire(self) -> None:
        """End what is awaited, with `OperationTimeout`."""


class Sweeper:
    """The set of everything that may expire.

    Attributes:
        interrupting: Whether the load ends what is in flight: then no journey has given up what is cancelled.
    """

    def __init__(self) -> None:
        self.interrupting = False
        self._watched: set[Expiring] = set()

    def __repr__(self) -> str:
        return f"<Sweeper watching {len(self._watched)}>"

    def watch(self, thing: Expiring) -> None:
        """Look at its deadline from now on."""
        self._watched.add(thing)

    def forget(self, thing: Expiring) -> None:
        """Stop looking; does nothing when it was not watched."""
        self._watched.discard(thing)

    def sweep(self, now: float) -> None:
        """Expire everything whose deadline is `now` or earlier."""
        for thing in [thing for thing in self._watched if thing.deadline <= now]:
            thing.expire()
