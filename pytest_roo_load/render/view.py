"""The view of a run: everything that a report shows, as values, from the plain dicts of a run directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pytest_roo_load.core.schema import RESULT_SCHEMA, RUN_SCHEMA
from pytest_roo_load.core.target import target_among
from pytest_roo_load.errors import UsageError
from pytest_roo_load.render import figures
from pytest_roo_load.render.charts import COLUMNS, Chart
from pytest_roo_load.render.contents import Entry, contents
from pytest_roo_load.render.environment import environment, services
from pytest_roo_load.render.headline import Headline, headline
from pytest_roo_load.render.measurement import Fact, Measurement, Source, measurement
from pytest_roo_load.render.provenance import PROVENANCE, Provenance
from pytest_roo_load.render.reading import JSON, nested
from pytest_roo_load.render.scaling import Scaling, scalings
from pytest_roo_load.render.seconds import Seconds
from pytest_roo_load.render.summary import summary
from pytest_roo_load.render.tables import Table
from pytest_roo_load.render.validity import validity

__all__ = ["UNREADABLE", "ReportView", "view"]

UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError)

_NO_SECONDS: Mapping[str, Seconds] = {}
_ALL_COLUMNS, _FEWEST_COLUMNS = 3_000, 40  # of all tests together, so that a hundred long ones stay a small file

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """What a report shows, in the order in which it shows it."""

    headline: Headline
    facts: tuple[Fact, ...]
    summary: Table
    scalings: tuple[Scaling, ...]
    contents: tuple[Entry, ...]
    measurements: tuple[Measurement, ...]
    validity: Table
    environment: Table
    services: Table
    provenance: tuple[Provenance, ...]

    @property
    def charts(self) -> Iterator[tuple[str, Chart]]:
        """The charts of all runs with their ids."""
        return (chart for test in self.measurements for run in test.runs for chart in run.charts)


def view(run: JSON, results: Mapping[str, JSON], seconds: Mapping[str, Seconds] = _NO_SECONDS) -> ReportView:
    """The view of a run (the content of run.json), its results and what its live files hold (both by file name).

    Raises:
        UsageError: A content has another schema or lacks what the schema has; its place is the file.
    """
    _check_schema("run.json", run, RUN_SCHEMA)
    for file, result in results.items():
        _check_schema(file, result, RESULT_SCHEMA)
    ordered = sorted(results.items(), key=lambda item: _readable(item[0], lambda: _order(item[1])))
    columns = max(_FEWEST_COLUMNS, min(COLUMNS, _ALL_COLUMNS // max(len(results), 1)))
    measurements = []
    for number, (file, result) in enumerate(ordered, 1):
        source = Source(number=number, file=file, seconds=seconds, columns=columns)
        measurements.append(_readable(file, lambda: measurement(source, result)))  # noqa: B023 - called at once
    return _readable("run.json", lambda: _report(run, [result for _, result in ordered], tuple(measurements)))


def _report(run: JSON, results: Sequence[JSON], measurements: tuple[Measurement, ...]) -> ReportView:
    return ReportView(
        headline=headline(run, results),
        facts=_facts(run),
        summary=summary(results),
        scalings=scalings(results),
        contents=contents(measurements),
        measurements=measurements,
        validity=validity(results),
        environment=environment(run),
        services=services(run),
        provenance=PROVENANCE,
    )


def _check_schema(file: str, content: object, schema: str) -> None:
    found = content.get("schema") if isinstance(content, Mapping) else None
    if found == schema:
        return
    kind, _, version = schema.rpartition("/")
    found_kind, _, found_version = str(found).rpartition("/")
    if found_kind == kind and found_version.isdecimal():
        newer = int(found_version) > int(version)
        problem = f"the file was written by {'a newer' if newer else 'an older'} version of pytest-roo-load"
        remedy = "use that version" if newer else "use the version that made this run"
        raise UsageError(problem, value=found, allowed=schema, place=file, remedy=f"{remedy} to write its report")
    raise UsageError("not a file of a run that this version can read", value=found, allowed=schema, place=file)


def _readable(file: str, build: Callable[[], T]) -> T:
    """What `build` gives, its complaints about the shape of the file translated."""
    try:
        return build()
    except UNREADABLE as error:
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
    known = run.get("services") or {}
    service = known.get(target_among(known))
    if service is None:
        return figures.MISSING
    kind = {True: " (started by this run)", False: ""}.get(service.get("embedded"), "")
    return f"{service.get('url') or figures.MISSING}{kind}"
