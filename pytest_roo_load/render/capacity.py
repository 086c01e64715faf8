"""What the report shows of a search for a capacity: what was found, every step, and the figures against the rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_roo_load.core.capacity import Capacity, Outcome
from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.render import figures
from pytest_roo_load.render.axes import suited_axis, value_axis
from pytest_roo_load.render.charts import LineChart, Series
from pytest_roo_load.render.marks import Mark, mark_of
from pytest_roo_load.render.reading import JSON
from pytest_roo_load.render.tables import Cell, Table, table

__all__ = ["SearchView", "searches"]

_MARKS = {Outcome.HOLDS: "pass", Outcome.FAILS: "fail", Outcome.INVALID: "invalid"}
_FEWEST_RATES = 2

Points = tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchView:
    """One search; `source` names the files that have every second of its steps."""

    heading: str
    mark: Mark
    lead: str
    charts: tuple[LineChart, ...]
    steps: Table
    source: str


def searches(result: JSON) -> tuple[SearchView, ...]:
    """Every search of a test."""
    return tuple(_view(search, result["test"]["name"]) for search in result.get("capacities") or ())


def _view(search: JSON, test: str) -> SearchView:
    found = Capacity.from_dict(search)
    again = "" if search["found_by"] == test else f" · found by {search['found_by']}"
    heading = str(found)
    return SearchView(
        heading=heading[0].upper() + heading[1:],
        mark=mark_of(search["verdict"]),
        lead=f"{', '.join(search['journeys'])} · as high as {', '.join(search['objectives'])} allow{again}",
        charts=_charts(found),
        steps=_steps(search),
        source=_source(search["steps"]),
    )


def _source(steps: Sequence[JSON]) -> str:
    if not steps:
        return figures.MISSING
    return str(steps[0]["live"]) + (f" and so on to step {len(steps)}" if len(steps) > 1 else "")


def _steps(search: JSON) -> Table:
    rows = (
        (
            str(number),
            figures.rate(step["rate"]),
            figures.rate(step["achieved"]),
            figures.rate(step["throughput"]),
            figures.time(step["p95"]),
            figures.share(step["error_rate"]),
            figures.share(step["lost"]),
            Cell(mark=mark_of(_MARKS[Outcome(step["outcome"])])),
            step["reason"],
        )
        for number, step in enumerate(search["steps"], 1)
    )
    return table(
        "Steps of the search",
        "step | >rate | >iterations finished | >operations | >p95 | >error rate | >arrivals lost | outcome | ~why",
        rows,
    )


def _charts(found: Capacity) -> tuple[LineChart, ...]:
    """Of each rate its last step, invalid ones left out."""
    last = {step.rate: step for step in found.steps if step.outcome is not Outcome.INVALID}
    if len(last) < _FEWEST_RATES:
        return ()
    steps = [last[rate] for rate in sorted(last)]
    p95 = tuple((step.rate, step.p95) for step in steps)
    achieved = tuple((step.rate, step.achieved) for step in steps)
    made = (
        _chart("p95 against the rate of arrivals", "p95", Dimension.TIME, p95),
        _chart("Iterations finished against the rate of arrivals", "finished", Dimension.RATE, achieved),
    )
    return tuple(chart for chart in made if chart is not None)


def _chart(title: str, name: str, dimension: Dimension, points: Points) -> LineChart | None:
    values = [value for _, value in points if value is not None]
    if not values:
        return None
    words = "; ".join(f"{rate:g}/s: {format_quantity(value, dimension)}" for rate, value in points)
    axis = suited_axis(values, dimension)
    low, high = (format_quantity(value, dimension) for value in (min(values), max(values)))
    return LineChart(
        title=title,
        claim=_claim(name, dimension, points),
        description=f"{words}.",
        x=replace(value_axis(points[-1][0], Dimension.RATE), title="arrivals per second"),
        y=axis,
        series=(Series(name=name, points=points, span=f"{low} to {high}", style=0),),
        note=axis.note,
    )


def _claim(name: str, dimension: Dimension, points: Sequence[tuple[float, float | None]]) -> str:
    (least, first), (most, last) = points[0], points[-1]
    ends = f"{name}: {format_quantity(first, dimension)} at {least:g}/s"
    return f"{ends}, {format_quantity(last, dimension)} at {most:g}/s"
