"""Identifiers that are given out once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from pytest_roo_load.core.consistency.finding import Finding, Problem, finding
from pytest_roo_load.core.consistency.history import Event, by_key, known, of_kind

__all__ = ["Unique"]


class Unique:
    """See `Checker`. Events: "generate" (result: the identifier); none is given twice for the same key."""

    promise = "no identifier is given out twice"
    kinds = ("generate",)

    def __repr__(self) -> str:
        return "Unique()"

    def check(self, history: Sequence[Event]) -> Finding:
        """See `Checker`."""
        events = of_kind(history, *self.kinds)
        given: dict[tuple[Hashable, Hashable], list[Event]] = defaultdict(list)
        for key, of_one in by_key(known(events)).items():
            for event in of_one:
                given[key, event.result].append(event)
        problems = [
            Problem(kind="duplicated", text=f"{value!r} was given out {len(times)} times", events=tuple(times))
            for (_, value), times in given.items()
            if len(times) > 1
        ]
        return finding(self.promise, events, problems, judged=bool(given))
