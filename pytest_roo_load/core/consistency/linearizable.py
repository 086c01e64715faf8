"""Linearizability: every operation seems to happen at once, at some moment between its begin and its end.

The search is that of Wing and Gong (Journal of Parallel and Distributed Computing 17, 1993) with the memory of Lowe
(Testing for linearizability, 2016): positions that were reached before, with the same operations done and the same
state, are not tried again. Keys are checked one by one, since linearizability is local (Herlihy and Wing, 1990).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Protocol

from pytest_roo_load.core.consistency.finding import Finding, Problem, finding
from pytest_roo_load.core.consistency.history import Event, Outcome, by_key, of_kind, possible
from pytest_roo_load.core.verdict import Verdict

__all__ = ["IMPOSSIBLE", "Linearizable", "Model", "Register", "UndecidedError", "linearization"]

IMPOSSIBLE: Hashable = object()
_MOST_POSITIONS = 500_000


class UndecidedError(Exception):
    """Too many orders are possible to try them all."""


class Model(Protocol):
    """What one object does when its operations come one after another."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of operations that it has."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Of these, the ones that change nothing: without a known result they say nothing."""

    @property
    def initial(self) -> Hashable:
        """The state before the first operation."""

    def step(self, state: Hashable, event: Event) -> Hashable:
        """The state after the operation, or IMPOSSIBLE when it could not have given what it gave."""


class Register:
    """A value that can be read, written, and compared and set.

    Events: "write" (value), "read" (result), "cas" (value: a pair of the expected and the new one; its outcome is OK
    when it was set, FAILED when it was not). Values are hashable.

    Args:
        initial: What a read gives before anything was written.
    """

    kinds = ("read", "write", "cas")
    reads = ("read",)

    def __init__(self, initial: Hashable = None) -> None:
        self.initial = initial

    def __repr__(self) -> str:
        return f"Register({self.initial!r})"

    def step(self, state: Hashable, event: Event) -> Hashable:
        """See `Model`."""
        after: Hashable = event.value
        if event.kind == "read":
            after = state if event.result == state else IMPOSSIBLE
        elif event.kind == "cas":
            expected, new = event.value
            after = new if state == expected else IMPOSSIBLE
        return after


class Linearizable:
    """See `Checker`: every key of the history is a linearizable object of this model."""

    def __init__(self, model: Model | None = None) -> None:
        self._model = model or Register()
        self.kinds = self._model.kinds
        self.promise = f"every {type(self._model).__name__.lower()} is linearizable"

    def __repr__(self) -> str:
        return f"Linearizable({self._model!r})"

    def check(self, history: Sequence[Event]) -> Finding:
        """See `Checker`."""
        events = of_kind(history, *self.kinds)
        problems, undecided = [], []
        for key, of_one in by_key(events).items():
            try:
                problem = self._problem(of_one)
            except UndecidedError:
                undecided.append(key)
            else:
                problems += [] if problem is None else [problem]
        judged = any(event.kind in self._model.reads and event.outcome is Outcome.OK for event in events)
        found = finding(self.promise, events, problems, judged=judged)
        return _undecided(found, undecided) if undecided and not problems else found

    def _problem(self, events: Sequence[Event]) -> Problem | None:
        order, stuck = linearization(events, self._model)
        if stuck is None:
            return None
        meant = "" if stuck.key is None else f" of {stuck.key!r}"
        overlapping = [event for event in possible(events) if _overlap(event, stuck)]
        shown = sorted({*order[-5:], *overlapping, stuck}, key=lambda event: event.began_s)
        text = f"{stuck.kind}{meant} by client {stuck.client} cannot have given {stuck.result!r} at any moment"
        return Problem(kind="not linearizable", text=text, events=tuple(shown))


def _undecided(found: Finding, keys: Sequence[Hashable]) -> Finding:
    text = (
        f"more than {_MOST_POSITIONS:,} positions were tried for {keys[0]!r}; use more keys with fewer operations each"
    )
    problem = Problem(kind="undecided", text=text)
    return replace(found, verdict=Verdict.INVALID, problems=(problem,), count=(("undecided", len(keys)),))


def _overlap(one: Event, other: Event) -> bool:
    return one.began_s <= other.ended_s and other.began_s <= one.latest_s


def linearization(events: Sequence[Event], model: Model) -> tuple[list[Event], Event | None]:
    """An order in which the operations on one object can have happened.

    Returns:
        The longest order that was found, and the operation that ended before it could be placed; None when all could.

    Raises:
        UndecidedError: There are too many orders to try.
    """
    search = _Search([event for event in possible(events) if _says_something(event, model)], model)
    return search.run()


def _says_something(event: Event, model: Model) -> bool:
    return event.outcome is Outcome.OK or event.kind not in model.reads


class _Entry:
    """The begin of an operation, or its end, in a list from which operations that were placed are taken out."""

    __slots__ = ("call", "end", "event", "following", "number", "preceding")

    def __init__(self, event: Event, number: int, *, call: bool) -> None:
        self.event = event
        self.number = number
        self.call = call
        self.end: _Entry | None = None
        self.preceding: _Entry | None = None
        self.following: _Entry | None = None


class _Search:
    def __init__(self, events: Sequence[Event], model: Model) -> None:
        self._model = model
        self._head = _Entry(Event(client=None, kind="", began_s=0, ended_s=0), -1, call=True)
        self._open = sum(event.outcome is Outcome.OK for event in events)
        self._placed: list[tuple[_Entry, Hashable]] = []
        self._longest: list[Event] = []
        self._stuck: Event | None = None
        _chain(self._head, _entries(events))

    def run(self) -> tuple[list[Event], Event | None]:
        """An order that explains all events and None, or the longest that was found and an event that cannot follow it.

        Raises:
            UndecidedError: Too many positions were tried.
        """
        state, done = self._model.initial, 0
        seen: set[tuple[int, Hashable]] = set()
        entry = self._head.following
        while self._open:
            if entry is not None and entry.call:
                after = self._model.step(state, entry.event)
                position = (done | 1 << entry.number, after)
                if after is IMPOSSIBLE or position in seen:
                    entry = entry.following
                    continue
                seen.add(position)
                if len(seen) > _MOST_POSITIONS:
                    raise UndecidedError
                self._place(entry, state)
                done, state = position
                entry = self._head.following
                continue
            if entry is not None:
                self._remember(entry)
            if not self._placed:
                return self._longest, self._stuck
            entry, state = self._take_back()
            done &= ~(1 << entry.number)
            entry = entry.following
        return [one.event for one, _ in self._placed], None

    def _place(self, entry: _Entry, state: Hashable) -> None:
        self._placed.append((entry, state))
        self._open -= entry.event.outcome is Outcome.OK
        _unlink(entry)
        if entry.end is not None:
            _unlink(entry.end)

    def _take_back(self) -> tuple[_Entry, Hashable]:
        entry, state = self._placed.pop()
        self._open += entry.event.outcome is Outcome.OK
        if entry.end is not None:
            _link(entry.end)
        _link(entry)
        return entry, state

    def _remember(self, end: _Entry) -> None:
        if self._stuck is None or len(self._placed) > len(self._longest):
            self._longest = [one.event for one, _ in self._placed]
            self._stuck = end.event


def _entries(events: Sequence[Event]) -> list[_Entry]:
    """Begins and ends in the order of time; at the same moment begins come first: they may have been together."""
    entries: list[tuple[float, bool, int, _Entry]] = []
    for number, event in enumerate(events):
        call = _Entry(event, number, call=True)
        entries.append((event.began_s, False, number, call))
        if event.latest_s < math.inf:
            call.end = _Entry(event, number, call=False)
            entries.append((event.latest_s, True, number, call.end))
    return [entry for *_, entry in sorted(entries, key=lambda one: one[:3])]


def _chain(head: _Entry, entries: Sequence[_Entry]) -> None:
    last = head
    for entry in entries:
        last.following, entry.preceding = entry, last
        last = entry


def _unlink(entry: _Entry) -> None:
    assert entry.preceding is not None
    entry.preceding.following = entry.following
    if entry.following is not None:
        entry.following.preceding = entry.preceding


def _link(entry: _Entry) -> None:
    """Put back what was taken out last."""
    assert entry.preceding is not None
    entry.preceding.following = entry
    if entry.following is not None:
        entry.following.preceding = entry
