"""The table of contents: a tree over tests, their siblings and their runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pytest_roo_load.render.figures import plural
from pytest_roo_load.render.marks import Mark, worst_mark
from pytest_roo_load.render.measurement import Measurement

__all__ = ["Entry", "contents"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the contents, with those below it; one without an anchor only holds others together."""

    text: str
    anchor: str = ""
    mark: Mark | None = None
    note: str = ""
    entries: tuple[Entry, ...] = ()


def contents(measurements: Iterable[Measurement]) -> tuple[Entry, ...]:
    """Tests in their order; those that are one test function with different parameters stand together."""
    families: dict[tuple[str, str], list[Measurement]] = {}
    for one in measurements:
        families.setdefault(one.family, []).append(one)
    return tuple(_family(family, members) for family, members in families.items())


def _family(family: tuple[str, str], members: Sequence[Measurement]) -> Entry:
    entries = tuple(_test(member) for member in members)
    if len(entries) == 1:
        return entries[0]
    mark = worst_mark(member.mark for member in members)
    return Entry(text=family[1], note=plural(len(members), "test"), mark=mark, entries=entries)


def _test(test: Measurement) -> Entry:
    entry = Entry(text=test.heading, anchor=test.anchor, mark=test.mark)
    if len(test.runs) == 1:
        return entry
    runs = tuple(Entry(text=run.heading, anchor=run.anchor, mark=run.mark) for run in test.runs)
    return replace(entry, entries=runs)
