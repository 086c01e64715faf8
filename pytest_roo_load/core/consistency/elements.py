"""Sets to which elements are added: what was acknowledged is there, once, and nothing else is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import chain

from pytest_roo_load.core.consistency.finding import Finding, Problem, finding
from pytest_roo_load.core.consistency.history import Event, by_key, known, of_kind, possible

__all__ = ["Elements"]


class Elements:
    """See `Checker`. Events: "add" (value: an element that nobody else adds), "read" (result: all elements).

    An element is *lost* when it was acknowledged before the last read began and that read does not have it; *stale*
    when an earlier read, begun after the acknowledgement, did not have it and a later one does; *duplicated* when a
    read has it twice; *invented* when nobody tried to add it before the read ended. What has an unknown outcome may
    be there or not.
    """

    promise = "every acknowledged element is there, once, and no other"
    kinds = ("add", "read")

    def __repr__(self) -> str:
        return "Elements()"

    def check(self, history: Sequence[Event]) -> Finding:
        """See `Checker`."""
        events = of_kind(history, *self.kinds)
        problems = list(chain.from_iterable(_problems(of_one) for of_one in by_key(events).values()))
        return finding(self.promise, events, problems, judged=bool(known(of_kind(events, "read"))))


def _problems(events: Sequence[Event]) -> list[Problem]:
    adds = {add.value: add for add in possible(of_kind(events, "add"))}
    acknowledged = {add.value: add for add in known(of_kind(events, "add"))}
    reads = sorted(known(of_kind(events, "read")), key=lambda read: read.began_s)
    contents = [Counter(read.result) for read in reads]
    missing = [
        problem
        for value, add in acknowledged.items()
        if (problem := _missing(add, [(r, value in c) for r, c in zip(reads, contents, strict=True)])) is not None
    ]
    wrong = [
        problem
        for read, content in zip(reads, contents, strict=True)
        for value, times in content.items()
        if (problem := _wrong(read, value, times, adds.get(value))) is not None
    ]
    return missing + wrong


def _missing(add: Event, reads: Sequence[tuple[Event, bool]]) -> Problem | None:
    """Whether reads that began after the acknowledgement were without the element."""
    later = [(read, there) for read, there in reads if read.began_s >= add.ended_s]
    without = [read for read, there in later if not there]
    if not without:
        return None
    if not later[-1][1]:
        text = f"{add.value!r} was acknowledged, and is not there at the end"
        return Problem(kind="lost", text=text, events=(add, later[-1][0]))
    text = f"{add.value!r} was acknowledged, and a later read did not see it"
    return Problem(kind="stale", text=text, events=(add, without[-1]))


def _wrong(read: Event, value: Hashable, times: int, add: Event | None) -> Problem | None:
    if add is None or add.began_s > read.ended_s:
        text = f"{value!r} was read and nobody had tried to add it"
        return Problem(kind="invented", text=text, events=(read,))
    if times > 1:
        return Problem(kind="duplicated", text=f"{value!r} is there {times} times", events=(add, read))
    return None
