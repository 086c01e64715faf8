"""The seconds and windows of a phase, and what an objective measures in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from pytest_roo_load.core.histogram import Histogram
from pytest_roo_load.core.sla.objective import Metric, Objective
from pytest_roo_load.core.statistics import PhaseResult
from pytest_roo_load.core.timeline import Second, total

__all__ = [
    "ended",
    "first_streak",
    "first_violation",
    "longest_stretch",
    "seconds_of",
    "value_with_dropped",
    "window_value",
    "windows_of",
    "with_slower",
]


def seconds_of(timeline: Iterable[Second], phase: PhaseResult) -> list[Second]:
    """Those that lie in the phase as a whole."""
    return [
        second
        for second in timeline
        if any(start <= second.t and second.t + 1 <= end + 1e-6 for start, end in phase.spans)
    ]


def longest_stretch(seconds: Sequence[Second]) -> int:
    """The most of them that follow each other: those of several phases have gaps between them."""
    longest = length = 0
    before: int | None = None
    for second in seconds:
        length = length + 1 if second.t - 1 == before else 1
        longest, before = max(longest, length), second.t
    return longest


def windows_of(seconds: Sequence[Second], length: int) -> Iterable[Sequence[Second]]:
    """Every stretch of so many seconds on end; none reaches over a gap between phases."""
    windows = (seconds[start : start + length] for start in range(len(seconds) - length + 1))
    return (window for window in windows if window[-1].t - window[0].t == length - 1)


def window_value(objective: Objective, window: Sequence[Second]) -> float | None:
    """The metric's value over some seconds together; None where they have no sample of it."""
    if objective.metric.name == "users":
        return float(min(second.users for second in window))
    summed = total(window, objective.of)
    count = summed.ok.count + summed.failed
    ratio: dict[str, Callable[[], float | None]] = {
        "throughput": lambda: summed.ok.count / len(window),
        "count": lambda: float(count),
        "error_rate": lambda: summed.failed / count if count else None,
        "mean": lambda: summed.ok.mean,
        "maximum": lambda: summed.ok.maximum if summed.ok.count else None,
    }
    if objective.metric.percentile is not None:
        return summed.ok.percentile(objective.metric.percentile)
    return ratio[objective.metric.name]()


def value_with_dropped(objective: Objective, window: Sequence[Second]) -> float | None:
    """The same, but for an upper limit of a latency as if each arrival dropped in them had been slower than all."""
    dropped = sum(second.dropped for second in window)
    if not dropped or not objective.bounds_latency:
        return window_value(objective, window)
    known = with_slower(objective.metric, total(window, objective.of).ok, dropped)
    return math.inf if known is None else known


def with_slower(metric: Metric, succeeded: Histogram, slower: int) -> float | None:
    """A latency if so many more had taken longer than all that succeeded; None if it would be one of theirs."""
    q = 100.0 if metric.percentile is None else metric.percentile
    everything = q * (succeeded.count + slower)
    return succeeded.percentile(everything / succeeded.count) if everything <= 100 * succeeded.count else None


def ended(objective: Objective, second: Second) -> int:
    """How many operations of a second the objective looks at."""
    summed = total([second], objective.of)
    return summed.ok.count + (0 if objective.metric.latency else summed.failed)


def first_violation(objective: Objective, values: Sequence[tuple[int, float]]) -> int | None:
    """Where the first value that does not hold begins."""
    return next((t for t, value in values if not objective.holds(value)), None)


def first_streak(objective: Objective, values: Sequence[tuple[int, float | None]]) -> int | None:
    """The first second of a violation that lasted `for_s` seconds on end; one without samples violates a latency.

    Nobody knows what would have been in a gap between phases, so no violation lasts over one.
    """
    began: int | None = None
    before: int | None = None
    for t, value in values:
        if t - 1 != before:
            began = None
        before = t
        if value is not None and objective.holds(value):
            began = None
            continue
        began = t if began is None else began
        if t + 1 - began >= (objective.for_s or 0):
            return began
    return None
