"""The figures of the charts for the browser, so that scripts can draw them again to zoom into."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_roo_load.core.units import Dimension
from pytest_roo_load.render.axes import Axis
from pytest_roo_load.render.charts import Chart, HeatMap, LineChart
from pytest_roo_load.render.scales import Log
from pytest_roo_load.render.thinning import thin_together

__all__ = ["plot", "plots"]

_DIGITS = {Dimension.TIME: 6, Dimension.RATIO: 5}  # µs; the thousandth part of a percent


def plots(charts: Iterable[tuple[str, Chart]], *, points: int) -> dict[str, Any]:
    """Id of a chart → what a script needs to draw it; a line has at most about so many points."""
    found = ((identity, plot(chart, points=points)) for identity, chart in charts)
    return {identity: drawn for identity, drawn in found if drawn is not None}


def plot(chart: Chart, *, points: int) -> dict[str, Any] | None:
    """The figures of one chart over time; None for charts that need no zoom."""
    if isinstance(chart, HeatMap):
        rows = {"width": chart.width_s, "low": chart.rows[0], "ratio": chart.rows[1], "levels": list(chart.levels)}
        return {"kind": "heat", "heat": rows, "x": [], "lines": [], "limits": [], **_frame(chart, Dimension.TIME)}
    if not isinstance(chart, LineChart) or chart.dimension is None:
        return None
    times = [x for x, _ in chart.series[0].points]
    lines = [[y for _, y in one.points] for one in chart.series]
    times, lines, seconds = thin_together(times, lines, most=points)
    digits = _DIGITS.get(chart.dimension, 2)
    return {
        "kind": "line",
        "seconds": seconds,
        "x": [_short(x, 2) for x in times],
        "lines": [
            {"name": one.name, "style": one.style, "y": [None if y is None else _short(y, digits) for y in line]}
            for one, line in zip(chart.series, lines, strict=True)
        ],
        "limits": [[limit.value, limit.label] for limit in chart.limits],
        **_frame(chart, chart.dimension),
    }


def _frame(chart: LineChart | HeatMap, dimension: Dimension) -> dict[str, Any]:
    return {
        "title": chart.title,
        "dimension": dimension.value,
        "end": chart.x.scale.high,
        "axis": _axis(chart.y),
        "bands": [[band.name, band.start, band.end, band.shaded, band.broken] for band in chart.bands],
    }


def _axis(axis: Axis) -> dict[str, Any]:
    return {
        "low": axis.scale.low,
        "high": axis.scale.high,
        "log": isinstance(axis.scale, Log),
        "ticks": [[tick.value, tick.label] for tick in axis.ticks],
    }


def _short(value: float, digits: int) -> float:
    rounded = round(float(value), digits)
    return int(rounded) if rounded.is_integer() else rounded
