"""The four verdicts, and how several become one."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

__all__ = ["Verdict", "worst"]


class Verdict(Enum):
    """What a measurement says about an objective; only `PASS` lets a test pass."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    NO_DATA = "no data"
    INVALID = "invalid"


_SEVERITY = (Verdict.PASS, Verdict.NO_DATA, Verdict.INVALID, Verdict.FAIL)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a whole: fail before invalid before no data before pass; nothing at all is no data."""
    return max(verdicts, key=_SEVERITY.index, default=Verdict.NO_DATA)
