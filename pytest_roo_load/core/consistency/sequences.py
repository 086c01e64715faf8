"""Numbered messages: each stream arrives complete, once, and in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

from pytest_roo_load.core.consistency.finding import Finding, Problem, finding
from pytest_roo_load.core.consistency.history import Event, Outcome, known, of_kind, possible

__all__ = ["Sequences"]


class Sequences:
    """See `Checker`. Events: "send" (value: one more with every message of a key), "receive" (result: the number).

    A key is one stream from a sender to a receiver. An acknowledged number that was not received is *lost*; one
    received twice *duplicated*; an acknowledged one that came after a higher one *reordered*; one that was not sent
    *invented*.
    """

    promise = "every stream arrives complete, once, and in order"
    kinds = ("send", "receive")

    def __repr__(self) -> str:
        return "Sequences()"

    def check(self, history: Sequence[Event]) -> Finding:
        """See `Checker`."""
        events = of_kind(history, *self.kinds)
        sent: dict[Hashable, dict[int, Event]] = defaultdict(dict)
        for event in possible(of_kind(events, "send")):
            sent[event.key][event.value] = event
        received: dict[Hashable, list[Event]] = defaultdict(list)
        for event in sorted(known(of_kind(events, "receive")), key=lambda one: one.ended_s):
            received[event.key].append(event)
        problems = [problem for key in {*sent, *received} for problem in _problems(sent[key], received[key])]
        return finding(self.promise, events, problems, judged=bool(known(of_kind(events, "send"))))


def _problems(sent: dict[int, Event], received: Sequence[Event]) -> Iterable[Problem]:
    seen: dict[int, Event] = {}
    highest: Event | None = None
    for event in received:
        number = event.result
        if number not in sent:
            yield Problem(kind="invented", text=f"{number} arrived and was never sent", events=(event,))
            continue
        if number in seen:
            yield Problem(kind="duplicated", text=f"{number} arrived again", events=(seen[number], event))
            continue
        seen[number] = event
        if highest is None or number > highest.result:
            highest = event
        elif sent[number].outcome is Outcome.OK:
            yield Problem(kind="reordered", text=f"{number} arrived after {highest.result}", events=(highest, event))
    for number, send in sent.items():
        if send.outcome is Outcome.OK and number not in seen:
            yield Problem(kind="lost", text=f"{number} was acknowledged and never arrived", events=(send,))
