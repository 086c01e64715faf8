"""Judges the runs of a test when its own assertions are through, and writes what it measured."""

from __future__ import annotations

import traceback
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_roo_load.engine.mistakes import mistake_in
from pytest_roo_load.errors import CapacityError, GeneratorError, UsageError
from pytest_roo_load.report.schema import measurement
from pytest_roo_load.session.failure import explain, failed
from pytest_roo_load.session.gate import measured_key, plan_key
from pytest_roo_load.session.measured import Measured
from pytest_roo_load.session.run import Run

__all__ = ["NOT_OFFERED", "judged_call", "lacks", "measured_by", "note_setup_failure"]

NOT_OFFERED = "not offered"


def measured_by(item: pytest.Item, run: Run) -> Measured:
    """What the current attempt at a test has measured so far."""
    if measured_key not in item.stash:
        slug, attempt = run.directory.attempt(item.nodeid)
        item.stash[measured_key] = Measured(test=item.name, plan=item.stash[plan_key], slug=slug, attempt=attempt)
    return item.stash[measured_key]


def judged_call(item: pytest.Item, run: Run) -> Generator[None, Any, Any]:
    """Wraps the call of a test that measures: objectives are judged, whatever was measured is written."""
    measured = measured_by(item, run)
    del item.stash[measured_key]
    try:
        outcome = yield
    except BaseException as error:
        text = _told(item, error)
        _write(item, run, measured, ("failed", text) if text else (_outcome(error, measured), str(error)))
        if not text:
            if (measured.records or measured.findings) and (missed := _explained(run, measured)):
                item.add_report_section("call", "sla", missed)
            raise
    else:
        text = _explained(run, measured)
        lacking = "\n".join(measured.not_offered)
        ended = "failed" if text else NOT_OFFERED if lacking else "passed"
        _write(item, run, measured, (ended, "\n".join(filter(None, (text, lacking)))))
        if lacking and not text:
            pytest.skip(lacking)
    if text:
        pytest.fail(text, pytrace=False)
    return outcome


def _explained(run: Run, measured: Measured) -> str:
    """Why the test fails; empty when it does not. A search that found nothing has raised, so one alone is well."""
    searched_only = measured.searches and not (measured.records or measured.findings)
    if searched_only or not failed(measured.records, measured.findings):
        return ""
    return explain(measured.records, _report(run), measured.findings)


def _outcome(error: BaseException, measured: Measured) -> str:
    if isinstance(error, pytest.skip.Exception):
        return NOT_OFFERED if measured.not_offered else "skipped"
    return "failed" if isinstance(error, Exception | pytest.fail.Exception) else "interrupted"


def _told(item: pytest.Item, error: BaseException) -> str:
    """The text of an error that speaks for itself, with the line of the test that it is about; "" for any other."""
    if isinstance(error, UsageError | CapacityError | GeneratorError):
        return f"{_caller(item, error)}{error}"
    return str(mistake_in(error) or "")


def _caller(item: pytest.Item, error: BaseException) -> str:
    """The line of the test from which an error that speaks for itself came; our own frames would only hide it."""
    frames = traceback.extract_tb(error.__traceback__)
    line = next((frame.lineno for frame in reversed(frames) if Path(frame.filename) == item.path), None)
    return "" if line is None else f"{_shown(item.path, item.config.rootpath)}:{line}: "


def note_setup_failure(item: pytest.Item, run: Run, text: str) -> None:
    """Write that a test that would have measured could not begin, or that the target does not offer what it needs."""
    measured = measured_by(item, run)
    del item.stash[measured_key]
    run.begin()
    lacking = "\n".join(measured.not_offered)
    _write(item, run, measured, (NOT_OFFERED, lacking) if lacking else ("error", text))


def lacks(item: pytest.Item) -> bool:
    """Whether the target does not offer what a test needs."""
    return measured_key in item.stash and bool(item.stash[measured_key].not_offered)


def _write(item: pytest.Item, run: Run, measured: Measured, outcome: tuple[str, str]) -> None:
    run.begin()
    facts = _facts(item, run, measured) | {"outcome": outcome[0], "message": outcome[1]}
    content = measurement(facts, measured.records, measured.findings, measured.searches)
    run.directory.write_result(measured.slug, measured.attempt, content)


def _facts(item: pytest.Item, run: Run, measured: Measured) -> dict[str, Any]:
    path, line, _ = item.reportinfo()
    scenario = measured.plan.scenario
    return {
        "id": item.nodeid,
        "name": item.name,
        "file": _shown(Path(path), item.config.rootpath),
        "line": (line or 0) + 1,
        "attempt": measured.attempt,
        "worker": run.worker,
        "scenario": scenario and {"name": scenario.name, "title": scenario.title, "requirement": scenario.requirement},
    }


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _report(run: Run) -> str:
    return str(run.directory.path / "report.html")
