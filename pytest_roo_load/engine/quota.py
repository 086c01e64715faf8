"""Decides whether another iteration may begin."""

from __future__ import annotations

__all__ = ["Quota"]


class Quota:
    """Permission for iterations: without limit, or a number of them once `count_from_now` was called.

    Attributes:
        left: How many may still begin; None without a limit.
        ended: The load is over; nothing may begin any more.
    """

    def __init__(self, iterations: int | None) -> None:
        self._iterations = iterations
        self.left: int | None = None
        self.ended = False

    def __repr__(self) -> str:
        left = "no limit" if self.left is None else f"{self.left} left"
        return f"<Quota {'ended' if self.ended else left}>"

    def count_from_now(self) -> None:
        """The warm-up is over: iterations that begin from now on are counted."""
        self.left = self._iterations

    def take(self) -> bool:
        """Whether an iteration may begin; if so it is counted as begun."""
        if self.ended or self.left == 0:
            return False
        if self.left is not None:
            self.left -= 1
        return True


def share_of(iterations: int | None, index: int, generators: int) -> int | None:
    """How many iterations generator `index` of `generators` does: shares add up and differ by one at most."""
    return None if iterations is None else (iterations + generators - 1 - index) // generators
