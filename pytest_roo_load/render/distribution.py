"""How the latencies of a phase are distributed, from its stored histogram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from pytest_roo_load.core.histogram import Histogram
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.render import figures
from pytest_roo_load.render.axes import log_axis, value_axis
from pytest_roo_load.render.charts import BarChart, Marker

__all__ = ["bars", "distribution_chart", "edges_over"]

_BARS = 60
_LOWEST_S = 1e-6
_NARROWEST = 1.5  # a chart spans at least this ratio


def edges_over(lowest_s: float, highest_s: float) -> tuple[float, ...]:
    """The edges of 60 bars of equal ratio that hold everything from the lowest to the highest latency."""
    low = max(lowest_s, _LOWEST_S)
    ratio = max(highest_s / low, _NARROWEST) * 1.001
    return tuple(low / 1.0005 * ratio ** (number / _BARS) for number in range(_BARS + 1))


def bars(histogram: Histogram, edges: Sequence[float]) -> tuple[int, ...]:
    """How many values lie above each edge and not above the next, to the precision of the histogram's buckets.

    The first bar also has what lies below the first edge, so that nothing is left out.
    """
    above = [histogram.count, *(histogram.count_above(edge) for edge in edges[1:-1]), 0]
    return tuple(here - after for here, after in pairwise(above))


def distribution_chart(data: Mapping[str, Any]) -> BarChart | None:
    """The chart of a histogram as the run directory stores it; None when it holds nothing."""
    histogram = Histogram.from_dict(data)
    if not histogram.count:
        return None
    edges = edges_over(histogram.minimum, histogram.maximum)
    heights = tuple(number / histogram.count for number in bars(histogram, edges))
    markers = tuple(
        Marker(value=value, label=f"p{q}") for q in (50, 95, 99) if (value := histogram.percentile(q)) is not None
    )
    return BarChart(
        title="How the latencies are distributed",
        claim=_claim(histogram),
        description=_description(histogram),
        x=log_axis(edges[0], edges[-1], Dimension.TIME, "latency, logarithmic"),
        y=value_axis(max(heights), Dimension.RATIO),
        edges=edges,
        heights=heights,
        markers=markers,
        note=f"Share of the {figures.plural(histogram.count, 'successful operation')} of the steady phase per bar.",
    )


def _claim(histogram: Histogram) -> str:
    half, most = (figures.time(histogram.percentile(q)) for q in (50, 99))
    return f"Half within {half}, 99 % within {most}"


def _description(histogram: Histogram) -> str:
    named = ", ".join(f"p{q} {figures.time(histogram.percentile(q))}" for q in (50, 95, 99))
    return f"From {figures.time(histogram.minimum)} to {figures.time(histogram.maximum)}; {named}."
