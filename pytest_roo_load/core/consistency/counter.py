"""Counters: a read lies between what has certainly and what can possibly been added by then."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain

from pytest_roo_load.core.consistency.finding import Finding, Problem, finding
from pytest_roo_load.core.consistency.history import Event, by_key, known, of_kind, possible

__all__ = ["Counter"]


class Counter:
    """See `Checker`. Events: "add" (value: a number, which may be negative), "read" (result: the number).

    Args:
        initial: What the counter was before the first event.
    """

    promise = "every read of a counter is a sum that it can have had"
    kinds = ("add", "read")

    def __init__(self, initial: int = 0) -> None:
        self._initial = initial

    def __repr__(self) -> str:
        return f"Counter({self._initial})"

    def check(self, history: Sequence[Event]) -> Finding:
        """See `Checker`."""
        events = of_kind(history, *self.kinds)
        problems = list(chain.from_iterable(self._problems(of_one) for of_one in by_key(events).values()))
        return finding(self.promise, events, problems, judged=bool(known(of_kind(events, "read"))))

    def _problems(self, events: Sequence[Event]) -> Iterable[Problem]:
        done, tried = known(of_kind(events, "add")), possible(of_kind(events, "add"))
        raised = _Sums((add.ended_s, max(add.value, 0)) for add in done)
        lowered = _Sums((add.ended_s, min(add.value, 0)) for add in done)
        may_raise = _Sums((add.began_s, max(add.value, 0)) for add in tried)
        may_lower = _Sums((add.began_s, min(add.value, 0)) for add in tried)
        for read in known(of_kind(events, "read")):
            least = self._initial + raised.before(read.began_s) + may_lower.until(read.ended_s)
            most = self._initial + may_raise.until(read.ended_s) + lowered.before(read.began_s)
            if not least <= read.result <= most:
                kind = "lost" if read.result < least else "invented"
                text = f"a read gave {read.result}, where only {least} to {most} is possible"
                yield Problem(kind=kind, text=text, events=(read,))


class _Sums:
    """The sum of numbers up to a moment."""

    def __init__(self, numbers: Iterable[tuple[float, int]]) -> None:
        ordered = sorted(numbers)
        self._moments = [moment for moment, _ in ordered]
        self._sums = [0, *accumulate(number for _, number in ordered)]

    def before(self, moment: float) -> int:
        return self._sums[bisect_left(self._moments, moment)]

    def until(self, moment: float) -> int:
        return self._sums[bisect_right(self._moments, moment)]
