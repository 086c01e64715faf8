"""Draws a bar chart as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from pytest_roo_load.render.charts import BarChart, Marker
from pytest_roo_load.render.frame import BOTTOM, LINE_HEIGHT, TOP, WIDTH, Frame, document, width_of
from pytest_roo_load.render.svg import element, number, text

__all__ = ["draw_bars"]


def draw_bars(chart: BarChart, identity: str) -> Markup:
    """The chart as an SVG element; `identity` makes its ids unique in the document."""
    frame = Frame(horizontal=chart.x, vertical=chart.y)
    content = [*frame.grid(), _bars(frame, chart), *_markers(frame, chart.markers)]
    return document(identity, (chart.title, f"{chart.claim}. {chart.description}"), content)


def _bars(frame: Frame, chart: BarChart) -> Markup:
    drawn = []
    for (low, high), height in zip(pairwise(chart.edges), chart.heights, strict=True):
        if height > 0:
            left, right = frame.x(low), frame.x(high)
            top = min(frame.y(height), BOTTOM - 1)  # one operation is seen, however many others there were
            drawn.append(f"M{number(left)} {number(BOTTOM)}V{number(top)}H{number(right)}V{number(BOTTOM)}Z")
    return element("path", {"class": "bars", "d": "".join(drawn)})


def _markers(frame: Frame, markers: Sequence[Marker]) -> list[Markup]:
    """Vertical lines; a label that would run into the one before stands a line lower."""
    drawn = []
    free = [0.0] * len(markers)
    for marker in sorted(markers, key=lambda marker: marker.value):
        x, width = frame.x(marker.value), width_of(marker.label)
        start = min(x + 3, WIDTH - width)
        row = next(index for index, end in enumerate(free) if start >= end)
        free[row] = start + width + 4
        y = TOP - 6 + row * LINE_HEIGHT
        drawn.append(element("line", {"class": "marker", "x1": x, "x2": x, "y1": y - 8, "y2": BOTTOM}))
        drawn.append(text("text", {"class": "marker-name", "x": start, "y": y}, marker.label))
    return drawn
