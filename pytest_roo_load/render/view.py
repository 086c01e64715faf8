"""The view of a run: everything that a report shows, as values, from the plain dicts of a run directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pytest_roo_load.core.schema import RESULT_SCHEMA, RUN_SCHEMA
from pytest_roo_load.errors import UsageError
from pytest_roo_load.render import figures
from pytest_roo_load.render.environment import environment, services
from pytest_roo_load.render.headline import Headline, headline
from pytest_roo_load.render.measurement import Fact, Measurement, measurement
from pytest_roo_load.render.provenance import PROVENANCE, Provenance
from pytest_roo_load.render.reading import JSON, TARGET, nested
from pytest_roo_load.render.scaling import Scaling, scalings
from pytest_roo_load.render.summary import summary
from pytest_roo_load.render.tables import Table

__all__ = ["ReportView", "view"]

_UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """What a report shows, in the order in which it shows it."""

    headline: Headline
    facts: tuple[Fact, ...]
    summary: Table
    scalings: tuple[Scaling, ...]
    measurements: tuple[Measurement, ...]
    environment: Table
    services: Table
    provenance: tuple[Provenance, ...]


def view(run: JSON, results: Mapping[str, JSON]) -> ReportView:
    """The view of a run (the content of run.json) and its results (file name → content).

    Raises:
        UsageError: A content has another schema or lacks what the schema has; its place is the file.
    """
    _check_schema("run.json", run, RUN_SCHEMA)
    for file, result in results.items():
        _check_schema(file, result, RESULT_SCHEMA)
    ordered = sorted(results.items(), key=lambda item: _readable(item[0], lambda: _order(item[1])))
    measurements = tuple(
        _readable(file, lambda: measurement(number, file, result))  # noqa: B023 - called at once
        for number, (file, result) in enumerate(ordered, 1)
    )
    return _readable("run.json", lambda: _report(run, [result for _, result in ordered], measurements))


def _report(run: JSON, results: Sequence[JSON], measurements: tuple[Measurement, ...]) -> ReportView:
    return ReportView(
        headline=headline(run, results),
        facts=_facts(run),
        summary=summary(results),
        scalings=scalings(results),
        measurements=measurements,
        environment=environment(run),
        services=services(run),
        provenance=PROVENANCE,
    )


def _check_schema(file: str, content: object, schema: str) -> None:
    found = content.get("schema") if isinstance(content, Mapping) else None
    if found != schema:
        raise UsageError("not a file of a run that this version can read", value=found, allowed=schema, place=file)


def _readable(file: str, build: Callable[[], T]) -> T:
    """What `build` gives, its complaints about the shape of the file translated."""
    try:
        return build()
    except _UNREADABLE as error:
        found = f"{type(error).__name__}: {error}"
        raise UsageError("the file is damaged", value=found, allowed="what its schema says", place=file) from error


def _order(result: JSON) -> tuple[float, str, str, int]:
    """By number of the scenario, then by when the test first measured, then by name."""
    test = result["test"]
    requirement = nested(test, "scenario", "requirement")
    started = [run.get("started_at") or "" for run in result["runs"]]
    place = float("inf") if requirement is None else float(requirement)
    return place, min(started, default=""), test["name"], test.get("attempt") or 1


def _facts(run: JSON) -> tuple[Fact, ...]:
    status = run.get("exit_status")
    return (
        Fact(name="run", text=run["id"], code=True),
        Fact(name="started", text=figures.moment(run.get("started_at"))),
        Fact(name="took", text=figures.elapsed(_duration_s(run))),
        Fact(name="scale", text=run.get("scale") or figures.MISSING),
        Fact(name="target", text=_target(run), code=True),
        Fact(name="command", text=run.get("command") or figures.MISSING, code=True),
        Fact(name="exit status", text=figures.MISSING if status is None else str(status)),
        Fact(name="seed", text=figures.MISSING if run.get("seed") is None else str(run["seed"])),
        Fact(name="directory", text=run.get("directory") or figures.MISSING, code=True),
    )


def _duration_s(run: JSON) -> float | None:
    started, finished = run.get("started_at"), run.get("finished_at")
    if started is None or finished is None:
        return None
    return (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()


def _target(run: JSON) -> str:
    service = nested(run, "services", TARGET)
    if service is None:
        return figures.MISSING
    kind = {True: " (started by this run)", False: ""}.get(service.get("embedded"), "")
    return f"{service.get('url') or figures.MISSING}{kind}"
