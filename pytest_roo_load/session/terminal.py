"""What the terminal shows of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_roo_load.core.capacity import Capacity
from pytest_roo_load.core.passwords import without_password
from pytest_roo_load.core.units import Dimension, format_quantity

if TYPE_CHECKING:
    import pytest

    from pytest_roo_load.session.run import Run

__all__ = ["announcement", "summarise"]

_HEADS = ("test", "users", "requests/s", "p50", "p95", "p99", "errors", "verdict")
_LONGEST_NAME = 60
_NOT_RUN = ("skipped", "not offered")
_ENDED = {"not offered": "not all of it offered"}
_COLOURS = {"pass": {"green": True}, "fail": {"red": True}}


def announcement(run: Run) -> str:
    """The line after collection: how this run measures."""
    config = run.config
    target = without_password(config.target) if config.target else "the embedded server where a test names no other"
    return (
        f"roo-load: {config.scale} scale against {target}, seed {run.identity.seed}, "
        f"results in {_short(run.directory.path)}"
    )


def summarise(reporter: pytest.TerminalReporter, results: Sequence[dict[str, Any]], report: Path) -> None:
    """One row for each run of each test, and where the report is."""
    reporter.section("roo-load", sep="-")
    rows = [row for result in results for row in _rows(result)]
    if rows:
        _write_table(reporter, rows)
    for line in (line for result in results for line in _capacities(result)):
        reporter.line(line)
    for line in (line for result in results for line in _warnings(result)):
        reporter.line(line, yellow=True)
    reporter.line(f"report: {_short(report)}")


def _warnings(result: dict[str, Any]) -> Iterator[str]:
    """What a green verdict does not say: an early end, percentiles of too few samples, failures that nobody judges."""
    name = _cut(result["test"]["name"])
    for run in result["runs"]:
        if run["verdict"] == "pass" and run["ended_early"]:
            yield f"{name}: {run['ended_early']}"
        for judgement in run["objectives"]:
            if judgement["verdict"] == "pass" and judgement["reason"]:
                yield f"{name}: {judgement['text']}: {judgement['reason']}"
        steady = next((phase for phase in run["phases"] if phase["name"] == "steady"), None)
        if run["objectives"] or steady is None or not steady["statistics"]["failed"]:
            continue
        errors = {kind: one for part in steady["operations"].values() for kind, one in part["errors"].items()}
        first = next((f": {kind}: {_last_line(one['exemplar'])}" for kind, one in errors.items()), "")
        yield f"{name}: {steady['statistics']['failed']:,} operations failed, and no objective looks at that{first}"


def _last_line(text: str) -> str:
    return _cut(next((line.strip() for line in reversed(text.splitlines()) if line.strip()), ""))


def _write_table(reporter: pytest.TerminalReporter, rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in (_HEADS, *rows)) for column in range(len(_HEADS))]
    for row in (_HEADS, *rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        reporter.write("  ".join(cells) + "  ")
        reporter.line(row[-1], **_COLOURS.get(row[-1], {"yellow": row is not _HEADS}))


def _rows(result: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    name = _cut(result["test"]["name"])
    outcome = result["test"]["outcome"]
    for found in (*result.get("findings", ()), *(one for run in result["runs"] for one in run.get("findings", ()))):
        told = "" if found["verdict"] == "pass" else f" ({', '.join(found['count']) or 'nothing to judge by'})"
        yield (_cut(f"{name}: {found['promise']}"), *("–" for _ in _HEADS[2:]), found["verdict"] + told)
    if not result["runs"] and not result.get("findings"):
        yield (name, *("–" for _ in _HEADS[2:]), outcome if outcome in _NOT_RUN else result["verdict"])
    for run in result["runs"]:
        numbered = f"{name} run {run['number']}" if len(result["runs"]) > 1 else name
        passed = run["verdict"] == "pass" and outcome != "passed"
        ended = _ENDED.get(outcome, f"the test {outcome}")
        yield (
            numbered,
            *_figures(run),
            f"pass, but {ended}" if passed else run["verdict"],
        )


def _capacities(result: dict[str, Any]) -> Iterator[str]:
    name = result["test"]["name"]
    for search in result.get("capacities") or ():
        again = "" if search["found_by"] == name else f", found by {search['found_by']}"
        yield f"{_cut(name)}: {Capacity.from_dict(search)} for {', '.join(search['objectives'])}{again}"


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _figures(run: dict[str, Any]) -> tuple[str, ...]:
    steady = next((phase for phase in run["phases"] if phase["name"] == "steady"), None)
    if steady is None:
        return tuple("–" for _ in _HEADS[2:])
    figures = steady["statistics"]
    times = (format_quantity(figures[name], Dimension.TIME) for name in ("p50", "p95", "p99"))
    errors = format_quantity(figures["error_rate"], Dimension.RATIO)
    return str(steady["users"]), f"{figures['throughput']:.1f}", *times, errors


def _short(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
