"""When all connections of a swarm are cut at once."""

from __future__ import annotations

from time import perf_counter

__all__ = ["Storms"]


class Storms:
    """When all connections are cut: at whole multiples of a time on the machine's monotonic clock.

    So users of several generators agree on the moment without a word.
    """

    def __init__(self, every_s: float | None) -> None:
        self._every_s = every_s
        self._number = self._now()

    def __repr__(self) -> str:
        return f"<Storms every {self._every_s} s>"

    def _now(self) -> int:
        return 0 if self._every_s is None else int(perf_counter() / self._every_s)

    def due(self) -> bool:
        """Whether there was a storm since the last question."""
        before, self._number = self._number, self._now()
        return self._number != before

    def pause(self, wanted_s: float) -> float:
        """A pause that does not reach beyond the next storm."""
        if self._every_s is None:
            return wanted_s
        left_s = (self._number + 1) * self._every_s - perf_counter()
        return max(0.0, min(wanted_s, left_s))
