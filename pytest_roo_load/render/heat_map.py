"""Latencies over time as a heat map: time × latency, and how many operations lie in each cell."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pytest_roo_load.core.units import Dimension
from pytest_roo_load.render import figures
from pytest_roo_load.render.axes import elapsed_axis, log_axis
from pytest_roo_load.render.charts import Cell, HeatMap
from pytest_roo_load.render.phases import bands
from pytest_roo_load.render.reading import JSON, last_second
from pytest_roo_load.render.seconds import LOWEST_S, STEPS_PER_DECADE, Counts, Seconds

__all__ = ["COLUMNS", "LEVELS", "heat_map"]

COLUMNS, _ROWS = 120, 40
LEVELS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """Counts by column and row; a column is `width_s` seconds, a row `height` steps of latency from step `first` on."""

    counts: Counts
    width_s: int
    height: int
    first: int

    def latency(self, row: int) -> float:
        return float(LOWEST_S * 10 ** ((self.first + row * self.height) / STEPS_PER_DECADE))


def heat_map(run: JSON, seconds: Seconds, *, columns: int = COLUMNS) -> HeatMap | None:
    """The heat map of a run in at most so many columns, and never over 120; None when nothing succeeded."""
    if not seconds.grid.any():
        return None
    grid = _grid(seconds, min(columns, COLUMNS))
    low, high = grid.latency(0), grid.latency(grid.counts.shape[1])
    most = float(grid.counts.max())
    fullest = np.unravel_index(int(grid.counts.sum(axis=0).argmax()), (grid.counts.shape[1],))[0]
    usual = f"{figures.time(grid.latency(int(fullest)))} to {figures.time(grid.latency(int(fullest) + 1))}"
    slowest = _slowest(seconds, grid.latency(grid.counts.shape[1] - 1), high)
    return HeatMap(
        title="Every latency over time",
        claim=f"Most often {usual}; the slowest {slowest}",
        description=f"How many operations took how long, second by second. The fullest row is {usual}.",
        x=elapsed_axis(last_second(run)),
        y=log_axis(low, high, Dimension.TIME),
        width_s=float(grid.width_s),
        rows=(low, grid.latency(1) / low),
        cells=_cells(grid),
        levels=tuple(figures.rate(most ** ((level + 1) / LEVELS) / grid.width_s) for level in range(LEVELS)),
        bands=bands(run),
        note=_note(grid),
    )


def _slowest(seconds: Seconds, top: float, high: float) -> str:
    """The slowest of all: known when it was in the steady phase; else it is in the row from `top` to `high`."""
    known = seconds.slowest[0].latency_s if seconds.slowest else 0.0
    return figures.time(known) if known >= top else f"under {figures.time(high)}"


def _grid(seconds: Seconds, columns: int) -> _Grid:
    """The seconds added up to at most so many columns, and the occupied steps of latency to at most 40 rows."""
    length = seconds.t[-1] + 1
    width = math.ceil(length / columns)
    occupied = np.flatnonzero(seconds.grid.any(axis=0))
    first, last = int(occupied[0]), int(occupied[-1])
    height = math.ceil((last - first + 1) / _ROWS)
    counts = np.zeros((math.ceil(length / width), (last - first) // height + 1), dtype=np.int64)
    for t, row in zip(seconds.t, seconds.grid, strict=True):
        steps = np.flatnonzero(row)
        np.add.at(counts[t // width], (steps - first) // height, row[steps])
    return _Grid(counts=counts, width_s=width, height=height, first=first)


def _cells(grid: _Grid) -> tuple[Cell, ...]:
    """Every cell that is not empty; its level says how full it is on a logarithmic scale from 1 to the fullest one."""
    most = math.log(max(float(grid.counts.max()), 2.0))
    cells = []
    for column, row in zip(*np.nonzero(grid.counts), strict=True):
        share = math.log(float(grid.counts[column, row])) / most
        cells.append(Cell(column=int(column), row=int(row), level=max(math.ceil(share * LEVELS - 1e-9) - 1, 0)))
    return tuple(cells)


def _note(grid: _Grid) -> str:
    length = "1 s" if grid.width_s == 1 else f"{grid.width_s} s"
    return f"Logarithmic scales, of the colours as well. A column is {length}."
