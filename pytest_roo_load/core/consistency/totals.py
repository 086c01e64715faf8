"""Sums that must agree, and counts that must account for everything that was acknowledged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_roo_load.core.consistency.finding import Finding, Problem
from pytest_roo_load.core.verdict import Verdict

__all__ = ["accounted", "agree", "none_broken"]

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
