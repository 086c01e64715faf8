"""Draws a chart of any kind."""

from __future__ import annotations

from markupsafe import Markup

from pytest_roo_load.render.bar_chart import draw_bars
from pytest_roo_load.render.charts import Chart, HeatMap, LineChart
from pytest_roo_load.render.heat_chart import draw_heat
from pytest_roo_load.render.line_chart import draw_lines

__all__ = ["draw"]


def draw(chart: Chart, identity: str) -> Markup:
    """The chart as an SVG element; `identity` makes its ids unique in the document."""
    if isinstance(chart, LineChart):
        return draw_lines(chart, identity)
    return draw_heat(chart, identity) if isinstance(chart, HeatMap) else draw_bars(chart, identity)
