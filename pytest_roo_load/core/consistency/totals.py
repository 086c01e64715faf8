"""Sums that must agree, and counts that must account for everything that was acknowledged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_roo_load.core.consistency.finding import Finding, Problem
from pytest_roo_load.core.verdict import Verdict

__all__ = ["Count", "accounted", "agree", "all_accounted", "arrived", "none_broken"]

_MOST = 20


def agree(promise: str, sums: Mapping[str, int], *, over: int) -> Finding:
    """Whether sums over different tables are the same, as the balances of TPC-B must be.

    Args:
        promise: What was promised, in words.
        sums: What was summed up → its sum.
        over: How many rows or transactions the sums stand for; with none, nothing was checked.
    """
    text = ", ".join(f"{name} {value:,}" for name, value in sums.items())
    broken = len(set(sums.values())) > 1
    return _finding(promise, over, [Problem(kind="violated", text=text)] if broken else [])


def accounted(promise: str, found: int, *, acknowledged: int, unknown: Sequence[int], over: int) -> Finding:
    """Whether what is found is what was acknowledged, and possibly some of what was never answered.

    Args:
        promise: What was promised, in words.
        found: The sum, or the number, that the server has now.
        acknowledged: What the acknowledged operations came to.
        unknown: What each operation of unknown outcome would have added; any of them may have happened.
        over: How many operations were acknowledged.
    """
    least = acknowledged + sum(effect for effect in unknown if effect < 0)
    most = acknowledged + sum(effect for effect in unknown if effect > 0)
    problems = []
    if not least <= found <= most:
        asked = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        kind = "lost" if found < least else "invented"
        problems.append(Problem(kind=kind, text=f"found {found:,}, acknowledged {asked}"))
    return _finding(promise, over, problems, unknown=len(unknown))


def none_broken(promise: str, broken: Sequence[str], *, checked: int) -> Finding:
    """Whether a condition holds on everything it was checked on; `broken` says of each exception what was found."""
    return _finding(promise, checked, [Problem(kind="violated", text=text) for text in broken])


def _finding(promise: str, checked: int, problems: Sequence[Problem], *, unknown: int = 0) -> Finding:
    counts: dict[str, int] = {}
    for problem in problems:
        counts[problem.kind] = counts.get(problem.kind, 0) + 1
    judged = Verdict.PASS if checked else Verdict.NO_DATA
    return Finding(
        promise=promise,
        verdict=Verdict.FAIL if problems else judged,
        checked=checked,
        unknown=unknown,
        problems=tuple(problems[:_MOST]),
        count=tuple(counts.items()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many of something there are, how many were acknowledged, and how many more may have happened."""

    name: str
    found: int
    acknowledged: int
    unknown: int = 0


def all_accounted(promise: str, counts: Sequence[Count]) -> Finding:
    """Whether of each thing there are as many as were acknowledged, and at most those that were never answered more."""
    problems = [
        Problem(
            kind="lost" if one.found < one.acknowledged else "invented",
            text=f"{one.name}: found {one.found:,}, acknowledged {one.acknowledged:,}, unanswered {one.unknown:,}",
        )
        for one in counts
        if not one.acknowledged <= one.found <= one.acknowledged + one.unknown
    ]
    unknown = sum(one.unknown for one in counts)
    return _finding(promise, sum(one.acknowledged for one in counts), problems, unknown=unknown)


def arrived(what: str, sent: int, *, lost: int, twice: int, late: int) -> list[Finding]:
    """Whether numbered messages came, once, and in order, from how many did not.

    Args:
        what: The messages, in words.
        sent: How many were sent; with none, nothing was checked.
        lost: How many did not come.
        twice: How many came more than once.
        late: How many came after a later one.
    """
    counts = (
        (f"no {what} are lost", "lost", lost),
        (f"no {what} come twice", "duplicated", twice),
        (f"{what} come in order", "reordered", late),
    )
    return [_counted(promise, sent, kind, number) for promise, kind, number in counts]


def _counted(promise: str, checked: int, kind: str, number: int) -> Finding:
    judged = Verdict.PASS if checked else Verdict.NO_DATA
    text = f"{number:,} of {checked:,} {kind}"
    return Finding(
        promise=promise,
        verdict=Verdict.FAIL if number else judged,
        checked=checked,
        unknown=0,
        problems=(Problem(kind=kind, text=text),) if number else (),
        count=((kind, number),) if number else (),
    )
