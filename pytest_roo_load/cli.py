"""The `roo-load` command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pytest_roo_load.errors import RooLoadError

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status is 0, or 2 after an error, which is printed."""
    parser = argparse.ArgumentParser(prog="roo-load", description="Look after runs of pytest-roo-load.")
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="write report.html of a run directory again")
    report.add_argument("directory", type=Path, help="such as .roo/runs/20260101-120000-1a2b3c4d")
    chosen = parser.parse_args(arguments)
    try:
        print(_report(chosen.directory))  # noqa: T201 - the command's output
    except RooLoadError as error:
        print(f"roo-load: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _report(directory: Path) -> Path:
    from pytest_roo_load.report.html import write_report  # noqa: PLC0415 - loaded when used

    return write_report(directory)


if __name__ == "__main__":
    sys.exit(main())
