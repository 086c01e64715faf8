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
    commands.add_parser("proxy", help="carry connections to servers, and break them on purpose", add_help=False)
    commands.add_parser("guides", help="say where the guides are, one to a line")
    chosen, rest = parser.parse_known_args(arguments)
    if chosen.command == "proxy":
        return _proxy(rest)
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if chosen.command == "guides":
        print(*_guides(), sep="\n")  # noqa: T201 - the command's output
        return 0
    try:
        print(_report(chosen.directory))  # noqa: T201 - the command's output
    except RooLoadError as error:
        print(f"roo-load: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _report(directory: Path) -> Path:
    from pytest_roo_load.report.html import write_report  # noqa: PLC0415 - loaded when used

    return write_report(directory)


def _guides() -> list[Path]:
    """The pages of `docs/`, which an installed package has inside and a clone beside it."""
    package = Path(__file__).parent
    return sorted((package / "docs").glob("*.md")) or sorted((package.parent / "docs").glob("*.md"))


def _proxy(arguments: list[str]) -> int:
    from pytest_roo_load.chaos.process import run  # noqa: PLC0415 - loaded when used

    return run(arguments, "roo-load proxy")


if __name__ == "__main__":
    sys.exit(main())
