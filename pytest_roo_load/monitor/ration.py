"""How often to do what takes its time: so seldom that it takes no more than a share of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter, thread_time

__all__ = ["Ration"]


class Ration:
    """Says whether something that is done again and again is due.

    Args:
        share: Of all time, at most, that it may take: what has taken 8 ms is due again after 0.8 s with 0.01.
        clock: Gives seconds.
        cost: Gives seconds that were worked: those of a busy machine, in which others worked, do not count.
    """

    def __init__(
        self, share: float, clock: Callable[[], float] = perf_counter, cost: Callable[[], float] = thread_time
    ) -> None:
        self._share = share
        self._clock = clock
        self._cost = cost
        self._next = float("-inf")

    def __repr__(self) -> str:
        return f"<Ration of {self._share:.1%}{', due' if self.due else ''}>"

    @property
    def due(self) -> bool:
        """Whether to do it now."""
        return self._clock() >= self._next

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Around doing it."""
        began, before = self._clock(), self._cost()
        try:
            yield
        finally:
            self._next = began + (self._cost() - before) / self._share
