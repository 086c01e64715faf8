"""Draws phases in charts over time."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from pytest_roo_load.render.charts import Band
from pytest_roo_load.render.frame import BOTTOM, TOP, WIDTH, Frame, width_of
from pytest_roo_load.render.svg import element, text

__all__ = ["borders", "names", "shades"]


def shades(frame: Frame, bands: Sequence[Band]) -> list[Markup]:
    """What lies behind the lines: a shade for each band that objectives do not look at, another one for faults."""
    drawn = []
    for band in bands:
        if band.shaded:
            left, right = frame.x(band.start), frame.x(band.end)
            kind = "band broken" if band.broken else "band"
            attributes: dict[str, str | float] = {"class": kind, "x": left, "y": TOP, "width": max(right - left, 1.0)}
            drawn.append(element("rect", {**attributes, "height": BOTTOM - TOP}))
    return drawn


def borders(frame: Frame, bands: Sequence[Band]) -> list[Markup]:
    """A line where each band but the first begins."""
    places = [frame.x(band.start) for band in bands if band.start > 0]
    return [element("line", {"class": "border", "x1": x, "x2": x, "y1": TOP - 12, "y2": BOTTOM}) for x in places]


def names(frame: Frame, bands: Sequence[Band]) -> list[Markup]:
    """Names above the plot: in the middle of their band, else at its start if that is free, else not at all."""
    taken: list[tuple[float, float]] = []
    drawn = []
    for band in sorted(bands, key=lambda band: band.start - band.end):
        left, right, width = frame.x(band.start), frame.x(band.end), width_of(band.name)
        start = (left + right - width) / 2 if width <= right - left else left + 2
        if start + width > WIDTH or any(start < other[1] and other[0] < start + width for other in taken):
            continue
        taken.append((start, start + width))
        drawn.append(text("text", {"class": "quiet", "x": start, "y": TOP - 6}, band.name))
    return drawn
