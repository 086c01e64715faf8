"""Prints the runs below a folder as Markdown, for the summary of a CI job.

Usage: job_summary.py .roo/runs >> "$GITHUB_STEP_SUMMARY"
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_roo_load.core.units import Dimension, format_quantity

__all__ = ["main", "summary"]

_SIGNS = {"pass": "✅", "fail": "❌", "no data": "❔", "invalid": "⚠️"}


def summary(runs: Path) -> str:
    """One table for each run: test, verdict, and what the objectives came to."""
    parts = [_table(path.parent) for path in sorted(runs.glob("*/run.json"))]
    return "\n".join(parts) or f"No run was found in {runs}.\n"


def _table(run: Path) -> str:
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    rows = [row for path in sorted((run / "results").glob("*.json")) for row in _rows(path)]
    head = f"### {facts['id']}: {facts['scale']} scale, {facts['status']}\n"
    return "\n".join([head, "| test | objective | measured | verdict |", "|---|---|---|---|", *rows, ""])


def _rows(path: Path) -> Iterator[str]:
    result = json.loads(path.read_text(encoding="utf-8"))
    name = _cell(result["test"]["name"])
    yield f"| **{name}** | | | {_verdict(result['verdict'])} |"
    for run in result["runs"]:
        for one in run["objectives"]:
            shown = format_quantity(one["measured"], Dimension(one["dimension"]))
            yield f"| {name} | {_cell(one['text'])} | {shown} | {_verdict(one['verdict'])} |"


def _verdict(verdict: str) -> str:
    return f"{_SIGNS.get(verdict, '')} {verdict}"


def _cell(value: Any) -> str:
    return str("" if value is None else value).replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Print the summary of the folder that is named."""
    sys.stdout.write(summary(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
