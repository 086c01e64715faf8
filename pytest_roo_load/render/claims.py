"""What a chart of a run shows, said in one line: its heading."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_roo_load.core.profiles import STEADY, is_steady
from pytest_roo_load.core.target import meant
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.render import figures
from pytest_roo_load.render.reading import JSON, nested, steady

__all__ = ["cpu", "latency", "memory", "throughput", "users"]

_PERCENTILES = ("p50", "p95", "p99")
_GROWTH = 0.05  # less is not called growth
_NOTHING = "No second of the steady phase has a value"


def latency(run: JSON) -> str:
    """How the latencies of each second kept to their limit, or between which values they lay."""
    for objective in run.get("objectives") or ():
        if objective["metric"] in _PERCENTILES and objective["of"] is None and is_steady(objective["phase"]):
            values = _judged(run, nested(run, "timeline", objective["metric"]))
            return _against(objective, values) if values else _NOTHING
    values = _judged(run, nested(run, "timeline", "p95"))
    return f"p95 of each second: {_range(values, Dimension.TIME)}" if values else _NOTHING


def _against(objective: JSON, values: Sequence[float]) -> str:
    name, limit = objective["metric"], figures.time(objective["limit"])
    over = sum(value >= objective["limit"] for value in values)
    if not over and objective.get("verdict") == Verdict.FAIL.value and objective["measured"] is not None:
        return f"{name} was not under {limit}: {figures.time(objective['measured'])} of what began in the steady phase"
    if not over:
        return f"{name} stayed under {limit}: at most {figures.time(max(values))}"
    return f"{name} was not under {limit} in {over} of {figures.plural(len(values), 'second')}: up to {_most(values)}"


def _most(values: Sequence[float]) -> str:
    return figures.time(max(values))


def throughput(run: JSON) -> str:
    """How much was done on average, and how much of it failed."""
    statistics = steady(run).get("statistics")
    if statistics is None or not statistics.get("count"):
        return "Nothing ended in the steady phase"
    failed = statistics.get("failed")
    lost = (
        f"{figures.count(failed)} failed ({figures.share(statistics.get('error_rate'))})" if failed else "none failed"
    )
    dropped = steady(run).get("dropped")
    unbegun = f", {figures.plural(dropped, 'arrival')} dropped" if dropped else ""
    return f"{figures.rate(statistics.get('throughput'))} on average, {lost}{unbegun}"


def users(run: JSON) -> str:
    """How many users there were."""
    values = _judged(run, nested(run, "timeline", "users"))
    if not values:
        return _NOTHING
    if min(values) == max(values):
        return f"{figures.plural(round(values[0]), 'user')} in every second"
    return f"{figures.count(min(values))} to {figures.plural(round(max(values)), 'user')}"


def cpu(run: JSON) -> str:
    """Which process was the busiest."""
    peaks = _peaks(run, "cpu")
    if not peaks:
        return _NOTHING
    name = max(peaks, key=lambda one: max(peaks[one]))
    return f"{name} was the busiest: at most {figures.share(max(peaks[name]))} of its cores"


def memory(run: JSON) -> str:
    """How the memory kept to its limit, or which process grew the most."""
    peaks = _peaks(run, "memory")
    if not peaks:
        return _NOTHING
    for objective in run.get("objectives") or ():
        name = meant(objective["of"], peaks)
        if objective["metric"] == "memory_peak" and name in peaks and max(peaks[name]) < objective["limit"]:
            most = figures.size(max(peaks[name]))
            return f"{name} stayed under {figures.size(objective['limit'])}: at most {most}"
    return _growth(peaks)


def _growth(peaks: dict[str, list[float]]) -> str:
    name = max(peaks, key=lambda one: peaks[one][-1] / (peaks[one][0] or 1))
    first, last = peaks[name][0], peaks[name][-1]
    if last < first * (1 + _GROWTH):
        largest = max(peaks, key=lambda one: max(peaks[one]))
        return f"No process grew; {largest} is the largest with {figures.size(max(peaks[largest]))}"
    by = figures.share(last / first - 1) if first else "from nothing"
    return f"{name} grew the most, by {by}: {figures.size(first)} to {figures.size(last)}"


def _peaks(run: JSON, kind: str) -> dict[str, list[float]]:
    processes = nested(run, "timeline", "resources") or {}
    found = {name: _judged(run, uses.get(kind)) for name, uses in processes.items()}
    return {name: values for name, values in found.items() if values}


def _judged(run: JSON, values: Sequence[float | None] | None) -> list[float]:
    """The values of the seconds that objectives look at."""
    timeline = run.get("timeline") or {}
    seconds = timeline.get("t") or ()
    phases = timeline.get("phase") or [STEADY] * len(seconds)
    end = max((end for _, end in (run.get("spans") or {}).values()), default=math.inf)
    return [
        value
        for t, phase, value in zip(seconds, phases, values or (), strict=False)
        if value is not None and is_steady(phase) and t < end
    ]


def _range(values: Sequence[float], dimension: Dimension) -> str:
    low, high = (figures.quantity(value, dimension) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
