"""Whether numbered messages arrive complete, once, and in order."""

from __future__ import annotations

__all__ = ["SequenceCheck"]

_MOST = 10_000


class SequenceCheck:
    """Looks at sequence numbers as they arrive; the first one may be any.

    Memory is one number for each message that is missing, of which the oldest are given up for lost beyond 10,000.

    Attributes:
        received: Messages seen, duplicates included.
        duplicates: Messages whose number had been seen.
        reordered: Messages that came after one with a higher number, and were missed until then.
        lost: Numbers given up, because too many were missing.
    """

    __slots__ = ("_first", "_missing", "_next", "duplicates", "lost", "received", "reordered")

    def __init__(self) -> None:
        self._first: int | None = None
        self._next = 0
        self._missing: dict[int, None] = {}
        self.received = 0
        self.duplicates = 0
        self.reordered = 0
        self.lost = 0

    def __repr__(self) -> str:
        return (
            f"<SequenceCheck {self.received} received, {self.missing} missing, {self.duplicates} duplicates, "
            f"{self.reordered} reordered>"
        )

    @property
    def missing(self) -> int:
        """How many numbers between the first and the highest have not arrived."""
        return len(self._missing) + self.lost

    @property
    def is_perfect(self) -> bool:
        """Whether nothing is missing and nothing came twice or out of order."""
        return not (self.missing or self.duplicates or self.reordered)

    def see(self, number: int) -> None:
        """A message has arrived."""
        self.received += 1
        if self._first is None:
            self._first, self._next = number, number + 1
        elif number >= self._next:
            self._skip(number)
            self._next = number + 1
        elif number in self._missing:
            del self._missing[number]
            self.reordered += 1
        elif number < self._first:
            self._missing |= dict.fromkeys(range(number + 1, self._first))
            self._first = number
            self.reordered += 1
            self._forget()
        else:
            self.duplicates += 1

    def _skip(self, number: int) -> None:
        """What lies before a number is missing; of a long gap only the newest are remembered one by one."""
        start = max(self._next, number - _MOST)
        self.lost += start - self._next
        self._missing |= dict.fromkeys(range(start, number))
        self._forget()

    def _forget(self) -> None:
        while len(self._missing) > _MOST:
            del self._missing[next(iter(self._missing))]
            self.lost += 1
