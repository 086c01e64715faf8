"""What the report shows of one test and of each of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_roo_load.render import figures, run_tables
from pytest_roo_load.render.capacity import SearchView, searches
from pytest_roo_load.render.charts import Chart
from pytest_roo_load.render.key_figures import KeyFigure, key_figures
from pytest_roo_load.render.marks import INCOMPLETE, NOT_OFFERED, Mark, mark_of
from pytest_roo_load.render.promises import Promises, promises
from pytest_roo_load.render.reading import JSON, interrupted, nested, own_phases, steady
from pytest_roo_load.render.run_charts import run_charts
from pytest_roo_load.render.seconds import EMPTY, Seconds
from pytest_roo_load.render.tables import Table
from pytest_roo_load.render.trust import Trust, trust

__all__ = ["Fact", "Measurement", "RunView", "Source", "anchor_of", "heading_of", "mark_of_test", "measurement"]

_FAILED_OUTCOMES = ("failed", "error")
_UNFINISHED = {"interrupted": INCOMPLETE, "not offered": NOT_OFFERED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A name and what it stands for; `code` when a program would read it."""

    name: str
    text: str
    code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One `run()` of a test; tables without rows were not measured, and each chart has an id of its own."""

    anchor: str
    heading: str
    mark: Mark
    warnings: tuple[str, ...]
    lead: str
    figures: tuple[KeyFigure, ...]
    facts: tuple[Fact, ...]
    objectives: Table
    promises: Promises
    errors: Table
    charts: tuple[tuple[str, Chart], ...]
    tables: tuple[Table, ...]
    resources: Table
    trust: Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One test: its verdict, what it said when it failed, and its runs; `family` is its file and function."""

    anchor: str
    family: tuple[str, str]
    heading: str
    mark: Mark
    facts: tuple[Fact, ...]
    reason: str
    message: str
    promises: Promises
    runs: tuple[RunView, ...]
    searches: tuple[SearchView, ...] = ()


def anchor_of(number: int) -> str:
    """The id of the section of the test that is listed at this place, from 1."""
    return f"test-{number}"


def heading_of(result: JSON) -> str:
    """Number and title of the scenario, or the name of the test."""
    test = result["test"]
    title = nested(test, "scenario", "title") or test["name"]
    requirement = nested(test, "scenario", "requirement")
    return str(title) if requirement is None else f"{requirement} · {title}"


def mark_of_test(result: JSON) -> Mark:
    """The verdict, unless the test was interrupted or not offered, or failed although its objectives were met."""
    outcome = result["test"].get("outcome")
    mark = mark_of(result["verdict"])
    if outcome in _UNFINISHED:
        return mark if mark == mark_of("fail") else _UNFINISHED[outcome]
    return mark_of("fail") if outcome in _FAILED_OUTCOMES and mark == mark_of("pass") else mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the figures of a test come from: its place in the report, its file, and the seconds of its runs by file.

    `columns` is how finely lines are drawn.
    """

    number: int
    file: str
    seconds: Mapping[str, Seconds]
    columns: int


def measurement(source: Source, result: JSON) -> Measurement:
    """The section of a test."""
    test = result["test"]
    anchor = anchor_of(source.number)
    return Measurement(
        anchor=anchor,
        family=(test.get("file") or "", test["name"].partition("[")[0]),
        heading=heading_of(result),
        mark=mark_of_test(result),
        facts=_facts(source.file, test),
        reason=_reason(result),
        message=test.get("message") or "",
        promises=promises(result),
        runs=tuple(_run(run, f"{anchor}-run-{place}", source) for place, run in enumerate(result["runs"], 1)),
        searches=searches(result),
    )


def _facts(file: str, test: JSON) -> tuple[Fact, ...]:
    facts = [
        Fact(name="test", text=test.get("id") or test["name"], code=True),
        Fact(name="line", text=str(test.get("line") or figures.MISSING)),
        Fact(name="ended as", text=test.get("outcome") or figures.MISSING),
        Fact(name="attempt", text=figures.count(test.get("attempt"))),
    ]
    if test.get("worker"):
        facts.append(Fact(name="on worker", text=test["worker"]))
    return (*facts, Fact(name="figures in", text=file, code=True))


def _reason(result: JSON) -> str:
    """Why the verdict is what it is, where the tables do not say it."""
    outcome = result["test"].get("outcome")
    if outcome == "interrupted":
        return "The test was interrupted before it ended; what follows is what was measured until then."
    if outcome == "not offered":
        return "The target does not offer all that the test needs; what follows was measured without it."
    if outcome in _FAILED_OUTCOMES and mark_of(result["verdict"]) == mark_of("pass"):
        return "Every objective was met, but the test itself failed."
    if not (result["runs"] or result.get("findings") or result.get("capacities")):
        return "Nothing was measured: the test ended without a run."
    return ""


def _run(run: JSON, anchor: str, source: Source) -> RunView:
    seconds = source.seconds.get(run.get("live") or "", EMPTY)
    tables = (
        run_tables.facts(run),
        run_tables.faults(run),
        run_tables.steady_state(run),
        run_tables.operations(run),
        run_tables.groups(run),
        run_tables.checks(run),
        run_tables.slowest(run, seconds),
        run_tables.fairness(run),
        run_tables.values(run),
        run_tables.phases(run),
    )
    charts = run_charts(run, seconds, columns=source.columns)
    return RunView(
        anchor=anchor,
        heading=f"Run {run['number']}",
        mark=mark_of(run["verdict"]),
        warnings=_warnings(run),
        lead=_lead(run),
        figures=key_figures(run),
        facts=_run_facts(run),
        objectives=run_tables.objectives(run),
        promises=promises(run),
        errors=run_tables.errors(run),
        charts=tuple((f"{anchor}-{number}", chart) for number, chart in enumerate(charts, 1)),
        tables=tuple(table for table in tables if table.rows),
        resources=run_tables.resources(run),
        trust=trust(run),
    )


def _warnings(run: JSON) -> tuple[str, ...]:
    """What a reader of the verdict must know besides."""
    told = list(run.get("warnings") or ())
    if dropped := sum(phase.get("dropped") or 0 for phase in own_phases(run)):
        told.append(f"{figures.plural(dropped, 'arrival')} found no free user and {_was(dropped)} dropped.")
    if number := interrupted(run):
        were = f"{figures.plural(number, 'operation')} {_was(number)} still in flight when the graceful stop was over"
        told.append(f"{were}: interrupted, neither succeeded nor failed.")
    return tuple(told)


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _lead(run: JSON) -> str:
    """What was done, in one line."""
    weights = run.get("journeys") or {}
    journeys = ", ".join(name if weight == 1 else f"{name} (weight {weight:g})" for name, weight in weights.items())
    return " · ".join(part for part in (run.get("profile"), journeys, run.get("ended_early")) if part)


def _run_facts(run: JSON) -> tuple[Fact, ...]:
    phase = steady(run)
    facts = (
        Fact(name="steady phase", text=figures.elapsed(phase.get("duration"))),
        Fact(name="generators", text=run.get("fleet") or figures.MISSING),
        Fact(name="seed", text=str(run.get("seed", figures.MISSING))),
        Fact(name="started", text=figures.moment(run.get("started_at"))),
        Fact(name="interrupted in it", text=figures.count(nested(phase, "statistics", "interrupted"))),
    )
    return (*facts, Fact(name="every second in", text=run.get("live") or figures.MISSING, code=True))
