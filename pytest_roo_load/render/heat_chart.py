"""Draws a heat map as SVG: one path per level, so that a cell costs a few bytes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from markupsafe import Markup

from pytest_roo_load.render.bands import borders, names
from pytest_roo_load.render.charts import Cell, HeatMap
from pytest_roo_load.render.frame import BOTTOM, LEFT, RIGHT, TOP, Frame, document
from pytest_roo_load.render.svg import element

__all__ = ["draw_heat", "path_of"]


def draw_heat(chart: HeatMap, identity: str) -> Markup:
    """The chart as an SVG element; `identity` makes its ids unique in the document."""
    frame = Frame(horizontal=chart.x, vertical=chart.y)
    levels = [
        element("path", {"class": f"heat h{level}", "d": path_of(cells)})
        for level in range(len(chart.levels))
        if (cells := [cell for cell in chart.cells if cell.level == level])
    ]
    content = [*frame.grid(), _in_cells(frame, chart, levels), *borders(frame, chart.bands), *names(frame, chart.bands)]
    return document(identity, (chart.title, f"{chart.claim}. {chart.description}"), content)


def path_of(cells: Sequence[Cell]) -> str:
    """Horizontal strokes through the middles of the cells, in units of columns and rows; neighbours are one stroke."""
    strokes = []
    in_rows = sorted(cells, key=lambda cell: (cell.row, cell.column))
    neighbours = enumerate(in_rows)
    for (row, _), run in groupby(neighbours, key=lambda entry: (entry[1].row, entry[1].column - entry[0])):
        members = [cell.column for _, cell in run]
        strokes.append(f"M{members[0]} {row}.5h{len(members)}")
    return "".join(strokes)


def _in_cells(frame: Frame, chart: HeatMap, content: list[Markup]) -> Markup:
    """A group whose unit is one column to the right and one row up; the end of the run may cut the last column."""
    low, ratio = chart.rows
    right = LEFT + (RIGHT - LEFT) * chart.width_s / chart.x.scale.high
    bottom, above = frame.y(low), frame.y(low * ratio)
    transform = f"matrix({right - LEFT:.4f} 0 0 {above - bottom:.4f} {LEFT:g} {bottom:.3f})"
    clip: dict[str, str | float] = {"x": LEFT, "y": TOP, "width": RIGHT - LEFT, "height": BOTTOM - TOP}
    view = {**clip, "viewBox": f"{LEFT:g} {TOP:g} {RIGHT - LEFT:g} {BOTTOM - TOP:g}"}
    return element("svg", view, element("g", {"transform": transform}, *content))
