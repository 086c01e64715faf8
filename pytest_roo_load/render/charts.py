"""Charts as values: what is drawn, not how."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_roo_load.render.axes import Axis

__all__ = ["Band", "BarChart", "Chart", "Limit", "LineChart", "Marker", "Series"]


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
    """A phase: a stretch of the horizontal axis with a name; `shaded` when objectives do not look at it."""

    name: str
    start: float
    end: float
    shaded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A horizontal line that the data should stay on one side of."""

    value: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """Lines over a horizontal axis; `description` tells in words what is to be seen, `note` goes below it."""

    title: str
    description: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    bands: tuple[Band, ...] = ()
    limits: tuple[Limit, ...] = ()
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
    description: str
    x: Axis
    y: Axis
    edges: tuple[float, ...]
    heights: tuple[float, ...]
    markers: tuple[Marker, ...]
    note: str = ""


Chart = LineChart | BarChart
