"""Snapshots that must satisfy a condition, such as the sum of all accounts of a bank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pytest_roo_load.core.consistency.finding import Finding, Problem, finding
from pytest_roo_load.core.consistency.history import Event, known, of_kind

__all__ = ["Invariant", "bank"]


class Invariant:
    """See `Checker`. Events: "snapshot" (result: what a client saw in one transaction).

    Args:
        promise: The condition in words.
        holds: The condition: gets the result of a snapshot.
    """

    kinds = ("snapshot",)

    def __init__(self, promise: str, holds: Callable[[Any], bool]) -> None:
        self.promise = promise
        self._holds = holds

    def __repr__(self) -> str:
        return f"Invariant({self.promise!r})"

    def check(self, history: Sequence[Event]) -> Finding:
        """See `Checker`."""
        events = of_kind(history, *self.kinds)
        snapshots = known(events)
        problems = [
            Problem(kind="violated", text=f"client {event.client} saw {event.result!r}", events=(event,))
            for event in snapshots
            if not self._holds(event.result)
        ]
        return finding(self.promise, events, problems, judged=bool(snapshots))


def bank(total: int, *, overdraft: bool = False) -> Invariant:
    """Transfers between accounts keep the sum: a snapshot is a mapping of account → balance.

    Args:
        total: The sum of all balances.
        overdraft: Whether a balance may be below 0.
    """

    def holds(balances: Any) -> bool:
        values = list(balances.values())
        return sum(values) == total and (overdraft or min(values) >= 0)

    below = "" if overdraft else ", and none is below 0"
    return Invariant(f"the balances sum to {total}{below}", holds)
