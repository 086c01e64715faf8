"""What a checker found in a history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_roo_load.core.consistency.history import Event, Outcome
from pytest_roo_load.core.verdict import Verdict

__all__ = ["Checker", "Finding", "Problem", "finding", "share_that_holds"]

_MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that must not have happened.

    Attributes:
        kind: In a word: lost, duplicated, reordered, stale, invented, corrupted, not linearizable ...
        text: What happened, in a sentence.
        events: The operations that show it, in the order in which they began.
        details: What else was found about it, line by line.
    """

    kind: str
    text: str
    events: tuple[Event, ...] = ()
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer of a checker.

    Attributes:
        promise: What was checked, in words.
        verdict: Pass, fail, or no data when there was nothing to judge by.
        checked: How many operations were looked at.
        unknown: Of these, how many have an outcome that nobody knows.
        problems: The first twenty.
        count: How many there are of each kind of problem.
        note: What was measured on the way, in words.
        noun: What was looked at.
    """

    promise: str
    verdict: Verdict
    checked: int
    unknown: int
    problems: tuple[Problem, ...] = ()
    count: tuple[tuple[str, int], ...] = ()
    note: str = ""
    noun: str = "operations"

    @property
    def broken(self) -> int:
        """How many problems there are, those beyond the first twenty included."""
        return sum(number for _, number in self.count)

    def __str__(self) -> str:
        if self.verdict is Verdict.NO_DATA:
            return f"{self.promise}: no data; {self.note or 'nothing was recorded that it could be judged by'}"
        looked = f"{self.checked:,} {self.noun}" + (f", {self.unknown:,} with unknown outcome" if self.unknown else "")
        if self.verdict is Verdict.PASS:
            return f"{self.promise}: holds over {looked}" + (f"; {self.note}" if self.note else "")
        counts = ", ".join(f"{number:,} {kind}" for kind, number in self.count)
        broken = "broken" if self.verdict is Verdict.FAIL else self.verdict.value
        lines = [f"{self.promise}: {broken} over {looked}: {counts}"]
        for problem in self.problems[:3]:
            lines += [f"  {problem.text}", *(f"    {event}" for event in problem.events[:12])]
            lines += [f"    {detail}" for detail in problem.details]
        return "\n".join(lines)


class Checker(Protocol):
    """Judges a history by one promise. A pure function: neither clock nor randomness."""

    @property
    def promise(self) -> str:
        """What is promised, in words."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of events that it knows; others are passed over."""

    def check(self, history: Sequence[Event]) -> Finding:
        """Look at the whole history. Nothing to judge by is never a pass."""


def finding(promise: str, looked_at: Sequence[Event], problems: Sequence[Problem], *, judged: bool) -> Finding:
    """The finding of a checker that has gone through its history.

    Args:
        promise: What was checked.
        looked_at: The events it knows.
        problems: What it found.
        judged: False when there was nothing that could have shown a problem.
    """
    counts: dict[str, int] = {}
    for problem in problems:
        counts[problem.kind] = counts.get(problem.kind, 0) + 1
    passed = Verdict.PASS if judged else Verdict.NO_DATA
    return Finding(
        promise=promise,
        verdict=Verdict.FAIL if problems else passed,
        checked=len(looked_at),
        unknown=sum(event.outcome is Outcome.UNKNOWN for event in looked_at),
        problems=tuple(problems[:_MOST]),
        count=tuple(counts.items()),
    )


def share_that_holds(findings: Iterable[Finding]) -> float | None:
    """Of everything that was checked, the share without a problem, 0 to 1; None when nothing was judged.

    Any problem keeps it below 1, however much was checked.
    """
    judged = [one for one in findings if one.verdict is not Verdict.NO_DATA]
    if not judged:
        return None
    checked = sum(one.checked for one in judged)
    broken = sum(max(one.broken, one.verdict is Verdict.FAIL) for one in judged)
    return max(0.0, 1 - broken / max(checked, broken, 1))
