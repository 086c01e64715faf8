"""Draws a line chart as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from pytest_roo_load.render.bands import borders, names, shades
from pytest_roo_load.render.charts import Limit, LineChart, Series
from pytest_roo_load.render.frame import BOTTOM, LEFT, LINE_HEIGHT, RIGHT, TOP, Frame, document
from pytest_roo_load.render.printable import shortened
from pytest_roo_load.render.svg import element, number, text
from pytest_roo_load.render.thinning import Point, segments, thin

__all__ = ["draw_lines"]

_LABEL_LENGTH = 10  # characters that fit to the right of the plot
_FEW_POINTS, _MANY_POINTS = 30, 300  # up to so many, each point gets a dot; from so many on, the line is thin


def draw_lines(chart: LineChart, identity: str) -> Markup:
    """The chart as an SVG element; `identity` makes its ids unique in the document."""
    frame = Frame(horizontal=chart.x, vertical=chart.y)
    content = [*shades(frame, chart.bands), *frame.grid(), *borders(frame, chart.bands), *names(frame, chart.bands)]
    for series in reversed(chart.series):  # the first lies on top: medians above the peaks that surround them
        content += [*_lines(frame, series, chart.columns), *_whiskers(frame, series)]
    content += [element_ for limit in chart.limits for element_ in _limit(frame, limit)]
    content += _labels(frame, chart.series)
    return document(identity, (chart.title, f"{chart.claim}. {chart.description}"), content)


def _lines(frame: Frame, series: Series, columns: int) -> list[Markup]:
    scale = frame.horizontal.scale
    column_width = (scale.high - scale.low) / columns
    stretches = [thin(stretch, column_width=column_width) for stretch in segments(series.points)]
    dots = [point for stretch in stretches if len(stretch) == 1 for point in stretch]
    points = sum(len(stretch) for stretch in stretches)
    if points <= _FEW_POINTS:
        dots = [point for stretch in stretches for point in stretch]
    paths = [_path(frame, stretch) for stretch in stretches if len(stretch) > 1]
    kind = "line dense" if points > _MANY_POINTS else "line"
    drawn = [element("path", {"class": f"{kind} s{series.style}", "d": "".join(paths)})] if paths else []
    return drawn + [_dot(frame, point, series.style) for point in dots]


def _path(frame: Frame, stretch: Sequence[Point]) -> str:
    return "M" + "L".join(f"{number(frame.x(x))} {number(frame.y(y))}" for x, y in stretch)


def _dot(frame: Frame, point: Point, style: int) -> Markup:
    return element("circle", {"class": f"dot s{style}", "cx": frame.x(point[0]), "cy": frame.y(point[1]), "r": 2.2})


def _whiskers(frame: Frame, series: Series) -> list[Markup]:
    drawn = []
    for x, low, high in series.ranges:
        place = frame.x(x)
        attributes: dict[str, str | float] = {"class": f"whisker s{series.style}", "x1": place, "x2": place}
        drawn.append(element("line", {**attributes, "y1": frame.y(low), "y2": frame.y(high)}))
    return drawn


def _limit(frame: Frame, limit: Limit) -> list[Markup]:
    y = frame.y(limit.value)
    above = y - 4 if y - 4 - LINE_HEIGHT > TOP else y + LINE_HEIGHT
    return [
        element("line", {"class": "limit", "x1": LEFT, "x2": RIGHT, "y1": y, "y2": y}),
        text("text", {"class": "limit", "x": LEFT + 4, "y": above}, shortened(f"limit: {limit.label}", 48)),
    ]


def _labels(frame: Frame, all_series: Sequence[Series]) -> list[Markup]:
    """The names of the series at the height where they end, moved apart where they would overlap."""
    ends = []
    for series in all_series:
        present = [y for _, y in series.points if y is not None]
        if present:
            ends.append((frame.y(present[-1]), series))
    ends.sort(key=lambda end: end[0])
    places = spread([place for place, _ in ends], distance=LINE_HEIGHT, lowest=BOTTOM)
    return [
        text("text", {"class": f"name s{series.style}", "x": RIGHT + 6, "y": y + 3.5}, _label(series.name))
        for y, (_, series) in zip(places, ends, strict=True)
    ]


def _label(name: str) -> str:
    return shortened(name, _LABEL_LENGTH)


def spread(places: Sequence[float], *, distance: float, lowest: float) -> list[float]:
    """Ascending places moved as little as needed to be `distance` apart, none beyond `lowest` if that can be."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + distance) if moved else place)
    ceiling = lowest
    for index in range(len(moved) - 1, -1, -1):
        moved[index] = min(moved[index], ceiling)
        ceiling = moved[index] - distance
    return moved
