"""Queues: what was accepted comes out, once, and in the order in which one producer put it in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import chain

from pytest_roo_load.core.consistency.finding import Finding, Problem, finding
from pytest_roo_load.core.consistency.history import Event, by_key, known, of_kind, possible

__all__ = ["Queue"]


class Queue:
    """See `Checker`. Events: "put" (value: an element that nobody else puts), "take" (result: the element).

    It is judged when the queue has been emptied: an acknowledged element that nobody took is *lost*. One that was
    taken twice is *duplicated*; one that nobody had put is *invented*. *Reordered* is one that a consumer took after a
    later element of the same producer.

    Args:
        ordered: Whether the order of each producer's elements is promised to each consumer.
        once: Whether it is promised that no element is taken twice; at-least-once queues promise less.
    """

    kinds = ("put", "take")

    def __init__(self, *, ordered: bool = True, once: bool = True) -> None:
        self._ordered = ordered
        self._once = once
        details = [*(["once"] if once else []), *(["in order"] if ordered else [])]
        self.promise = ", ".join(["every acknowledged element is taken", *details])

    def __repr__(self) -> str:
        return f"Queue(ordered={self._ordered}, once={self._once})"

    def check(self, history: Sequence[Event]) -> Finding:
        """See `Checker`."""
        events = of_kind(history, *self.kinds)
        problems = list(chain.from_iterable(self._problems(of_one) for of_one in by_key(events).values()))
        return finding(self.promise, events, problems, judged=bool(known(of_kind(events, "put"))))

    def _problems(self, events: Sequence[Event]) -> Iterable[Problem]:
        puts = {put.value: put for put in possible(of_kind(events, "put"))}
        takes: dict[Hashable, list[Event]] = defaultdict(list)
        for take in sorted(known(of_kind(events, "take")), key=lambda event: event.ended_s):
            takes[take.result].append(take)
        for put in known(of_kind(events, "put")):
            if put.value not in takes:
                yield Problem(kind="lost", text=f"{put.value!r} was acknowledged and never taken", events=(put,))
        for value, taken in takes.items():
            if value not in puts:
                yield Problem(kind="invented", text=f"{value!r} was taken and nobody had put it", events=tuple(taken))
            elif len(taken) > 1 and self._once:
                text = f"{value!r} was taken {len(taken)} times"
                yield Problem(kind="duplicated", text=text, events=(puts[value], *taken))
        if self._ordered:
            yield from _reordered(puts, takes)


def _reordered(puts: Mapping[Hashable, Event], takes: Mapping[Hashable, Sequence[Event]]) -> Iterable[Problem]:
    """Elements that a consumer took for the first time after a later one of the same producer."""
    latest: dict[tuple[Hashable, Hashable], Event] = {}
    firsts = sorted((taken[0] for value, taken in takes.items() if value in puts), key=lambda take: take.ended_s)
    for take in firsts:
        put = puts[take.result]
        stream = put.client, take.client
        before = latest.get(stream)
        if before is not None and before.began_s > put.latest_s:
            text = f"{put.value!r} was taken after {before.value!r}, which the same producer had put later"
            yield Problem(kind="reordered", text=text, events=(put, before, take))
        if before is None or put.began_s > before.began_s:
            latest[stream] = put
