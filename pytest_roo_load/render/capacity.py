"""What the report shows of a search for a capacity: what was found, every step, and the figures against the rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_roo_load.core.capacity import Capacity, Outcome
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.render import figures
from pytest_roo_load.render.axes import suited_axis, value_axis
from pytest_roo_load.render.charts import Limit, LineChart, Series
from pytest_roo_load.render.marks import Mark, mark_of
from pytest_roo_load.render.reading import JSON
from pytest_roo_load.render.tables import Cell, Table, table

__all__ = ["SearchView", "searches"]

_MARKS = {
    Outcome.HOLDS: replace(mark_of("pass"), word="holds"),
    Outcome.FAILS: replace(mark_of("fail"), word="too much"),
    Outcome.INVALID: mark_of("invalid"),
}
_FEWEST_RATES = 2
_NEAR = 2.0  # a limit is drawn up to so many times the highest value
_P95 = ("p95 against the rate of arrivals", "p95", Dimension.TIME)
_FINISHED = ("Iterations finished against the rate of arrivals", "finished", Dimension.RATE)

Points = tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchView:
    """One search; `method` tells how it went on, `source` names the files that have every second of its steps."""

    heading: str
    mark: Mark
    lead: str
    method: str
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
        method=_method(search, found),
        charts=_charts(found, search["objectives"]),
        steps=_steps(search),
        source=_source(search["steps"]),
    )


def _method(search: JSON, found: Capacity) -> str:
    """How it was searched, in the order in which it was."""
    first = f"Each step is a load of its own, the first one {search['profile']}. " if search.get("profile") else ""
    within = f"until a rate that holds and one that is too much were within {figures.share(search.get('tolerance'))}"
    ends = ", and these two were tried again" if found.rate is not None else ""
    return f"{first}The rate was doubled or halved at first; then the gap was halved {within}{ends}."


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
            Cell(mark=_MARKS[Outcome(step["outcome"])]),
            step["reason"],
        )
        for number, step in enumerate(search["steps"], 1)
    )
    return table(
        "Steps of the search",
        "step | >rate | >iterations finished | >operations | >p95 | >error rate | >arrivals lost | outcome | ~why",
        rows,
    )


def _charts(found: Capacity, objectives: Sequence[str]) -> tuple[LineChart, ...]:
    """Of each rate its last step, invalid ones left out."""
    last = {step.rate: step for step in found.steps if step.outcome is not Outcome.INVALID}
    if len(last) < _FEWEST_RATES:
        return ()
    steps = [last[rate] for rate in sorted(last)]
    p95 = tuple((step.rate, step.p95) for step in steps)
    achieved = tuple((step.rate, step.achieved) for step in steps)
    ends = (found.rate, found.too_much) if found.rate in last and found.too_much in last else (min(last), max(last))
    made = (
        _chart(_P95, p95, ends, _limits(objectives)),
        _chart(_FINISHED, achieved, ends),
    )
    return tuple(chart for chart in made if chart is not None)


def _limits(objectives: Sequence[str]) -> tuple[Limit, ...]:
    """The limits of p95 of all operations together."""
    parsed = [parse_objective(text, "result") for text in objectives]
    plain = [one for one in parsed if one.metric.name == "p95" and one.of is None and one.over_s is None]
    return tuple(Limit(value=one.limit, label=one.text) for one in plain)


def _chart(
    drawn: tuple[str, str, Dimension], points: Points, ends: tuple[float | None, ...], limits: tuple[Limit, ...] = ()
) -> LineChart | None:
    title, name, dimension = drawn
    values = [value for _, value in points if value is not None]
    if not values:
        return None
    words = "; ".join(f"{rate:g}/s: {format_quantity(value, dimension)}" for rate, value in points)
    near = tuple(limit for limit in limits if limit.value <= _NEAR * max(values))
    off = " ".join(f"Limit off the chart: {limit.label}." for limit in limits if limit not in near)
    axis = suited_axis([*values, *(limit.value for limit in near)], dimension)
    low, high = (format_quantity(value, dimension) for value in (min(values), max(values)))
    return LineChart(
        title=title,
        claim=_claim(name, dimension, dict(points), ends),
        description=f"{words}.",
        x=replace(value_axis(points[-1][0], Dimension.RATE), title="arrivals per second"),
        y=axis,
        series=(Series(name=name, points=points, span=f"{low} to {high}", style=0),),
        limits=near,
        note=f"{axis.note} {off}".strip(),
    )


def _claim(
    name: str, dimension: Dimension, points: Mapping[float | None, float | None], ends: tuple[float | None, ...]
) -> str:
    """Between which two values it lies: at the capacity and at what is too much, or else at the ends."""
    told = (f"{format_quantity(points[rate], dimension)} at {format_quantity(rate, Dimension.RATE)}" for rate in ends)
    return f"{name}: {', '.join(told)}"
