"""The HTML report of a run: one self-contained file, a pure function of the run directory's content."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pytest_roo_load.errors import RooLoadError, UsageError
from pytest_roo_load.render.drawing import draw
from pytest_roo_load.render.history_chart import draw_history
from pytest_roo_load.render.plots import plots
from pytest_roo_load.render.printable import printable
from pytest_roo_load.render.seconds import Seconds, digest
from pytest_roo_load.render.view import UNREADABLE, ReportView, view

__all__ = ["REPORT_NAME", "html", "write_report"]

REPORT_NAME = "report.html"
_STYLES = ("vendor/uPlot.min.css", "report.css", "print.css")
_SCRIPTS = ("vendor/uPlot.iife.min.js", "format.js", "charts.js", "page.js")
_ALL_POINTS, _FEWEST_POINTS = 30_000, 90  # per line, of all charts together


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
    environment.filters["draw_history"] = draw_history
    script = _assets(_SCRIPTS)
    return environment.get_template("report.html.j2").render(
        view=content,
        css=_assets(_STYLES),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=_embedded(_plots(content)),
    )


def _assets(names: Sequence[str]) -> Markup:
    """Our own style sheets and scripts, and those of uPlot, as one text."""
    folder = files("pytest_roo_load.render").joinpath("assets")
    return Markup("\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names))  # noqa: S704


def _plots(content: ReportView) -> dict[str, Any]:
    """The figures of all charts; the more charts there are, the fewer points each has."""
    charts = list(content.charts)
    points = max(_FEWEST_POINTS, _ALL_POINTS // max(len(charts), 1))
    return plots(charts, points=points)


def _embedded(value: object) -> Markup:
    """JSON for a script element: nothing in it can end the element or begin a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(printable(text).replace("<", "\\u003c"))  # noqa: S704


def _finalize(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _read_view(run_directory: Path) -> ReportView:
    run = _read(run_directory / "run.json")
    paths = sorted((run_directory / "results").glob("*.json"))
    results = {path.relative_to(run_directory).as_posix(): _read(path) for path in paths}
    try:
        return view(run, results, _seconds(run_directory, results))
    except UsageError as error:
        place = run_directory / (error.place or "")
        raise UsageError(error.problem, value=error.value, allowed=error.allowed, place=str(place)) from error


def _seconds(run_directory: Path, results: Mapping[str, Any]) -> dict[str, Seconds]:
    """What the live files hold, by file."""
    paths = sorted((run_directory / "live").glob("*.ndjson"))
    ends = _ends(results)
    found = {}
    for path in paths:
        name = path.relative_to(run_directory).as_posix()
        try:
            found[name] = digest(_lines(path), end_s=ends.get(name, math.inf))
        except (OSError, *UNREADABLE) as error:
            reason = f"{type(error).__name__}: {error}"
            raise UsageError("the file is damaged", value=reason, allowed="seconds", place=str(path)) from error
    return found


def _ends(results: Mapping[str, Any]) -> dict[str, float]:
    """When the load of each live file ended; what a result lacks is left to the view to complain of."""
    ends = {}
    with contextlib.suppress(*UNREADABLE):
        for result in results.values():
            for run in result["runs"]:
                if spans := run.get("spans"):
                    ends[run["live"]] = max(end for _, end in spans.values())
    return ends


def _lines(path: Path) -> Iterator[Any]:
    """The lines of a live file up to the first that is incomplete: whoever wrote it may have been killed."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                return


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        allowed = "a run directory with run.json and results/*.json"
        raise UsageError("the file cannot be read", value=error.strerror, allowed=allowed, place=str(path)) from error
    except ValueError as error:
        raise UsageError("the file is damaged", value=str(error), allowed="JSON", place=str(path)) from error
