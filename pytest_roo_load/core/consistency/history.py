"""What clients did and what they were told, as they saw it: the input of every checker."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = ["HISTORY", "Event", "Outcome", "by_key", "known", "of_kind", "possible"]


HISTORY = "history"  # the name under which journeys record their events


class Outcome(Enum):
    """What a client knows of an operation when it has ended."""

    OK = "ok"
    FAILED = "failed"  # certainly without effect
    UNKNOWN = "unknown"  # a timeout or a lost connection: it may have happened, may happen later, or never


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One operation of one client.

    Attributes:
        client: Who did it; a client does one thing at a time.
        kind: What was done, such as "read", "write", "add", "enqueue"; each checker names the kinds it knows.
        key: Which object it was done to.
        value: What was given: the value written, the element added.
        result: What came back: the value read. Means something only when the outcome is OK.
        began_s: When it was begun, on a monotonic clock that all clients share.
        ended_s: When its end was seen. One whose outcome is unknown has no end: see `latest_s`.
    """

    client: Hashable
    kind: str
    key: Hashable = None
    value: Any = None
    result: Any = None
    began_s: float
    ended_s: float
    outcome: Outcome = Outcome.OK

    @property
    def latest_s(self) -> float:
        """The latest moment at which it can have taken effect."""
        return math.inf if self.outcome is Outcome.UNKNOWN else self.ended_s

    def __str__(self) -> str:
        given = "" if self.value is None else f" {self.value!r}"
        answer = f" → {self.result!r}" if self.outcome is Outcome.OK and self.result is not None else ""
        doubt = "" if self.outcome is Outcome.OK else f" ({self.outcome.value})"
        of = "" if self.key is None else f" of {self.key!r}"
        return f"client {self.client}: {self.kind}{of}{given}{answer}{doubt} [{self.began_s:.6f}, {self.ended_s:.6f}]"


def known(events: Iterable[Event]) -> list[Event]:
    """Those that happened."""
    return [event for event in events if event.outcome is Outcome.OK]


def possible(events: Iterable[Event]) -> list[Event]:
    """Those that happened or may have happened."""
    return [event for event in events if event.outcome is not Outcome.FAILED]


def of_kind(events: Iterable[Event], *kinds: str) -> list[Event]:
    """Those of some kinds."""
    return [event for event in events if event.kind in kinds]


def by_key(events: Iterable[Event]) -> Mapping[Hashable, Sequence[Event]]:
    """The events of each key, in their order."""
    groups: dict[Hashable, list[Event]] = defaultdict(list)
    for event in events:
        groups[event.key].append(event)
    return groups
