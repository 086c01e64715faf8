"""Charts as values: what is drawn, not how."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_roo_load.core.units import Dimension
from pytest_roo_load.render.axes import Axis

__all__ = ["COLUMNS", "Band", "BarChart", "Cell", "Chart", "HeatMap", "Limit", "LineChart", "Marker", "Series"]

COLUMNS = 312  # as many as a chart's plot is wide in its own units


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line.

    Attributes:
        name: For the legend and the label at its end.
        points: In the order of x; y is None where there is no data, which interrupts the line.
        span: Its lowest and highest value in words, for the legend.
        style: Number of its colour and dash pattern.
        ranges: (x, low, high) of confidence intervals, drawn as whiskers.
    """

    name: str
    points: tuple[tuple[float, float | None], ...]
    span: str
    style: int
    ranges: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A phase: a stretch of the horizontal axis with a name; `shaded` when objectives do not look at it.

    `broken` when something was broken meanwhile, or the load was more than usual.
    """

    name: str
    start: float
    end: float
    shaded: bool
    broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A horizontal line that the data should stay on one side of."""

    value: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """Lines over a horizontal axis.

    Attributes:
        title: What is drawn: "Virtual users".
        claim: What is to be seen, in one line: "10 users at every moment".
        description: The same at length, for those who cannot see it.
        note: What a reader must know, below the chart.
        dimension: What the vertical axis measures, when the horizontal one is time; None otherwise.
        columns: How many columns of points are drawn at most.
    """

    title: str
    claim: str
    description: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    bands: tuple[Band, ...] = ()
    limits: tuple[Limit, ...] = ()
    note: str = ""
    dimension: Dimension | None = None
    columns: int = COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a heat map that is not empty; level 0 is the least full."""

    column: int
    row: int
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """Cells over time and latency; see `LineChart` for the rest.

    Attributes:
        width_s: Seconds of a column; the first starts at 0.
        rows: The latency where the first row begins, and the ratio from each row to the next.
        levels: For each level, what its cells have at most.
    """

    title: str
    claim: str
    description: str
    x: Axis
    y: Axis
    width_s: float
    rows: tuple[float, float]
    cells: tuple[Cell, ...]
    levels: tuple[str, ...]
    bands: tuple[Band, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A vertical line at a value that has a name."""

    value: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """Bars between consecutive `edges`, so one height less than edges; see `LineChart` for the rest."""

    title: str
    claim: str
    description: str
    x: Axis
    y: Axis
    edges: tuple[float, ...]
    heights: tuple[float, ...]
    markers: tuple[Marker, ...]
    note: str = ""


Chart = LineChart | BarChart | HeatMap
