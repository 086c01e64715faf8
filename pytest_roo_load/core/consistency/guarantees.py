"""What one client may expect of its own session (Terry et al., Session guarantees, 1994)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

from pytest_roo_load.core.consistency.finding import Finding, Problem, finding
from pytest_roo_load.core.consistency.history import Event, known, of_kind

__all__ = ["MonotonicReads", "ReadYourWrites"]


class ReadYourWrites:
    """See `Checker`. Events: "write" (value: a version, which grows with every write of a key), "read" (its result).

    A client's read of a key never gives a version below one that the same client had written, and was told so, before.
    """

    promise = "every client reads what it has written"
    kinds = ("write", "read")

    def __repr__(self) -> str:
        return "ReadYourWrites()"

    def check(self, history: Sequence[Event]) -> Finding:
        """See `Checker`."""
        events = of_kind(history, *self.kinds)
        problems, judged = [], False
        for of_one in _sessions(events):
            latest: Event | None = None
            for event in of_one:
                if event.kind == "write":
                    latest = event if latest is None or event.value > latest.value else latest
                elif latest is not None:
                    judged = True
                    if event.result is None or event.result < latest.value:
                        text = f"client {event.client} wrote version {latest.value!r} and then read {event.result!r}"
                        problems.append(Problem(kind="stale", text=text, events=(latest, event)))
        return finding(self.promise, events, problems, judged=judged)


class MonotonicReads:
    """See `Checker`. Events: "read" (result: a version that grows with every write of a key).

    A client's reads of a key never go back to an earlier version.
    """

    promise = "no client reads an earlier version than before"
    kinds = ("read",)

    def __repr__(self) -> str:
        return "MonotonicReads()"

    def check(self, history: Sequence[Event]) -> Finding:
        """See `Checker`."""
        events = of_kind(history, *self.kinds)
        problems, judged = [], False
        for of_one in _sessions(events):
            latest: Event | None = None
            for event in of_one:
                if latest is not None:
                    judged = True
                    if event.result is None or event.result < latest.result:
                        text = f"client {event.client} read version {latest.result!r} and then {event.result!r}"
                        problems.append(Problem(kind="went back", text=text, events=(latest, event)))
                        continue
                latest = event if event.result is not None else latest
        return finding(self.promise, events, problems, judged=judged)


def _sessions(events: Iterable[Event]) -> Iterable[list[Event]]:
    """What each client did to each key and knows to have happened, in its order."""
    sessions: dict[tuple[Hashable, Hashable], list[Event]] = defaultdict(list)
    for event in sorted(known(events), key=lambda one: one.began_s):
        sessions[event.client, event.key].append(event)
    return sessions.values()
