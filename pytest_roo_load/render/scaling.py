"""How latency and throughput change with the number of users, over runs of the same journeys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.render.axes import count_axis, suited_axis
from pytest_roo_load.render.charts import LineChart, Series
from pytest_roo_load.render.reading import JSON, nested, steady

__all__ = ["Scaling", "scalings"]

_FEWEST_LEVELS = 2
_WHISKERS = "Whiskers: 95 % confidence interval."


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """The charts of one ramp over users, and which journeys it was made of."""

    heading: str
    charts: tuple[LineChart, ...]


def scalings(results: Sequence[JSON]) -> tuple[Scaling, ...]:
    """A ramp for each test function whose journeys were run with at least two different numbers of users.

    Runs whose latencies are invalid are left out, and those in which something was broken on purpose.
    """
    ramps: dict[tuple[str, tuple[str, ...]], list[JSON]] = defaultdict(list)
    for result in results:
        for run in result["runs"]:
            if steady(run).get("users") and not run.get("problems") and not run.get("faults"):
                ramps[_function(result["test"]), tuple(sorted(run.get("journeys") or ()))].append(run)
    return tuple(
        _scaling(f"{', '.join(journeys)} in {function}", runs)
        for (function, journeys), runs in ramps.items()
        if len({steady(run)["users"] for run in runs}) >= _FEWEST_LEVELS
    )


def _function(test: JSON) -> str:
    """Its file and name without parameters."""
    name: str = test["name"].partition("[")[0]
    return f"{PurePath(test['file']).name}::{name}" if test.get("file") else name


def _scaling(heading: str, runs: Sequence[JSON]) -> Scaling:
    levels = sorted((steady(run) for run in runs), key=lambda phase: phase["users"])
    charts = (
        _against_users("p95 against users", "p95", Dimension.TIME, levels),
        _against_users("Throughput against users", "throughput", Dimension.RATE, levels),
    )
    return Scaling(heading=heading, charts=tuple(chart for chart in charts if chart is not None))


def _against_users(title: str, metric: str, dimension: Dimension, levels: Sequence[JSON]) -> LineChart | None:
    points = tuple((float(level["users"]), nested(level, "statistics", metric)) for level in levels)
    ranges = _ranges(metric, levels)
    values = [value for _, value in points if value is not None]
    if not values:
        return None
    words = "; ".join(f"{users:g} users: {format_quantity(value, dimension)}" for users, value in points)
    low, high = (format_quantity(value, dimension) for value in (min(values), max(values)))
    axis = suited_axis([*values, *(end for _, *ends in ranges for end in ends)], dimension)
    return LineChart(
        title=title,
        claim=_claim(points, metric, dimension),
        description=f"{words}.",
        x=count_axis([users for users, _ in points], "virtual users"),
        y=axis,
        series=(Series(name=metric, points=points, span=f"{low} to {high}", style=0, ranges=ranges),),
        note=f"{axis.note} {_WHISKERS if ranges else ''}".strip(),
    )


def _claim(points: Sequence[tuple[float, float | None]], metric: str, dimension: Dimension) -> str:
    (fewest, first), *_, (most, last) = [(users, value) for users, value in points if value is not None] * 2
    ends = f"{metric}: {format_quantity(first, dimension)} with {fewest:g} users"
    return f"{ends}, {format_quantity(last, dimension)} with {most:g}"


def _ranges(metric: str, levels: Sequence[JSON]) -> tuple[tuple[float, float, float], ...]:
    bounds = ((level["users"], nested(level, "statistics", "intervals", metric)) for level in levels)
    return tuple((float(users), both[0], both[1]) for users, both in bounds if both is not None and both[1] is not None)
