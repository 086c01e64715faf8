"""From when to when each phase of a load lasted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from pytest_roo_load.core.profiles import Plan
from pytest_roo_load.engine.shard import Outcome

__all__ = ["spans_of"]

_LATE_S, _LATE_SHARE = 0.05, 0.01


def spans_of(plan: Plan, outcomes: Sequence[Outcome]) -> Mapping[str, tuple[float, float]]:
    """Start and end of each phase that began, in seconds of the load; that in which the load ended, ended with it.

    They are the planned ones, unless a generator came to an end more than 50 ms and 1 % of the phase late, because its
    event loop was held up: what was done until then is the phase's, and so is the time that it took.
    """
    ended_s = max(outcome.ended_s for outcome in outcomes)
    moments = zip_longest(*(outcome.switched_s for outcome in outcomes), fillvalue=0.0)
    _, *switched_s = (max(each) for each in moments)
    spans: dict[str, tuple[float, float]] = {}
    start = 0.0
    for phase, end_s in zip(plan.phases, switched_s, strict=False):
        planned_s = min(ended_s, phase.end_s)
        is_late = end_s - planned_s > max(_LATE_S, _LATE_SHARE * (phase.end_s - phase.start_s))
        end = end_s if is_late else max(start, planned_s)
        spans[phase.name] = start, end
        start = end
    return spans
