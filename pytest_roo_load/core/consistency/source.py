"""Where the history comes from that a checker looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_roo_load.core.consistency.finding import Checker, Finding, Problem
from pytest_roo_load.core.consistency.history import HISTORY, Event
from pytest_roo_load.core.recording import MAX_VALUES
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError

__all__ = ["checked"]


def checked(history: Result | Sequence[Event], checker: Checker) -> Finding:
    """What a checker finds in the history that a run's journeys recorded, or in one that is given.

    A history of which events were left out proves nothing: what seems lost may have been among them.

    Raises:
        UsageError: It is neither.
    """
    if not isinstance(history, Result):
        _check_events(history)
        return checker.check(history)
    values = history.values.get(HISTORY)
    events = [] if values is None else values.items
    _check_events(events)
    found = checker.check(events)
    return found if values is None or not values.omitted else _incomplete(found, values.omitted)


def _check_events(events: object) -> None:
    wrong = [one for one in events if not isinstance(one, Event)] if isinstance(events, Sequence) else [events]
    if wrong:
        raise UsageError(
            "not a history",
            value=wrong[0],
            allowed="the result of a run whose journeys record with observe(), or a list of events",
            place="fixture consistency",
        )


def _incomplete(found: Finding, omitted: int) -> Finding:
    text = f"{omitted:,} events were recorded after the first {MAX_VALUES:,} and are not known; observe less or shorter"
    problem = Problem(kind="incomplete history", text=text)
    return replace(found, verdict=Verdict.INVALID, problems=(problem,), count=(("incomplete history", 1),))
