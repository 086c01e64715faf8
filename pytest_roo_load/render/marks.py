"""The verdict of a thing as a reader sees it: a word, a sign and a tone, so that colour never carries it alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_roo_load.core.verdict import Verdict

__all__ = ["INCOMPLETE", "NOT_OFFERED", "Mark", "mark_of", "worst_mark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A verdict's word and sign; `tone` names its colours in the style sheet."""

    word: str
    sign: str
    tone: str


_MARKS = {
    Verdict.PASS: Mark(word="pass", sign="✓", tone="pass"),
    Verdict.FAIL: Mark(word="fail", sign="✗", tone="fail"),
    Verdict.NO_DATA: Mark(word="no data", sign="∅", tone="empty"),
    Verdict.INVALID: Mark(word="invalid", sign="!", tone="invalid"),
}
INCOMPLETE = Mark(word="incomplete", sign="…", tone="incomplete")
NOT_OFFERED = Mark(word="not offered", sign="–", tone="empty")
_SEVERITY = (
    _MARKS[Verdict.PASS],
    NOT_OFFERED,
    INCOMPLETE,
    _MARKS[Verdict.NO_DATA],
    _MARKS[Verdict.INVALID],
    _MARKS[Verdict.FAIL],
)


def mark_of(verdict: Verdict | str) -> Mark:
    """The mark of a verdict, given as itself or as its word; ValueError for a word that is none."""
    return _MARKS[Verdict(verdict)]


def worst_mark(marks: Iterable[Mark]) -> Mark:
    """The mark of a whole: the worst of fail, invalid, no data, incomplete, not offered, pass; of nothing: no data."""
    return max(marks, key=_SEVERITY.index, default=_MARKS[Verdict.NO_DATA])
