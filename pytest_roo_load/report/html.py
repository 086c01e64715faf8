"""The HTML report of a run: one self-contained file, a pure function of the run directory's content."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pytest_roo_load.errors import RooLoadError, UsageError
from pytest_roo_load.render.drawing import draw
from pytest_roo_load.render.printable import printable
from pytest_roo_load.render.view import ReportView, view

__all__ = ["REPORT_NAME", "html", "write_report"]

REPORT_NAME = "report.html"


def write_report(run_directory: Path) -> Path:
    """Write `report.html` into a run directory, in one step, and return its path.

    Raises:
        UsageError: A file of the run directory is missing, damaged, or of another schema.
        RooLoadError: The report cannot be written.
    """
    text = html(_read_view(run_directory))
    target = run_directory / REPORT_NAME
    unfinished = run_directory / f".{REPORT_NAME}.{os.getpid()}"
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(target)
    except OSError as error:
        raise RooLoadError(
            f"{target}: the report cannot be written ({error.strerror}); the figures are in results/"
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def html(content: ReportView) -> str:
    """The report as text."""
    environment = Environment(
        loader=PackageLoader("pytest_roo_load.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters["draw"] = draw
    css = files("pytest_roo_load.render").joinpath("assets/report.css").read_text(encoding="utf-8")
    page = environment.get_template("report.html.j2")
    return page.render(view=content, css=Markup(css))  # noqa: S704 - our own style sheet


def _finalize(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _read_view(run_directory: Path) -> ReportView:
    run = _read(run_directory / "run.json")
    paths = sorted((run_directory / "results").glob("*.json"))
    results = {path.relative_to(run_directory).as_posix(): _read(path) for path in paths}
    try:
        return view(run, results)
    except UsageError as error:
        place = run_directory / (error.place or "")
        raise UsageError(error.problem, value=error.value, allowed=error.allowed, place=str(place)) from error


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        allowed = "a run directory with run.json and results/*.json"
        raise UsageError("the file cannot be read", value=error.strerror, allowed=allowed, place=str(path)) from error
    except ValueError as error:
        raise UsageError("the file is damaged", value=str(error), allowed="JSON", place=str(path)) from error
