"""Fails when a part of the package is covered less than its floor: `[tool.coverage_floor]` of pyproject.toml.

Usage: coverage_floor.py COVERAGE.json     (what `coverage json` writes)
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

__all__ = ["covered", "main", "shortfalls"]

ROOT = Path(__file__).parents[1]
PACKAGE = "pytest_roo_load"


def covered(report: dict[str, Any]) -> dict[str, float]:
    """Part of the package (a folder or module directly in it) → percent of its statements that were run."""
    lines: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, file in report["files"].items():
        inside = Path(name).parts[Path(name).parts.index(PACKAGE) + 1 :]
        counts = lines[inside[0].removesuffix(".py")]
        counts[0] += file["summary"]["covered_lines"]
        counts[1] += file["summary"]["num_statements"]
    return {part: 100 * run / all_ if all_ else 100.0 for part, (run, all_) in sorted(lines.items())}


def shortfalls(found: dict[str, float], floors: dict[str, float]) -> list[str]:
    """What is wrong, one line each: a part below its floor, without one, or a floor without a part."""
    low = [
        f"{part}: {found[part]:.1f} % < {floor} %" for part, floor in floors.items() if found.get(part, floor) < floor
    ]
    none = [f"{part}: has no floor, {percent:.1f} % covered" for part, percent in found.items() if part not in floors]
    gone = [f"{part}: has a floor but was not seen" for part in floors if part not in found]
    return [*low, *none, *gone]


def main() -> int:
    """Print the table; 1 when anything falls short."""
    found = covered(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    floors = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["coverage_floor"]
    for part, percent in found.items():
        print(f"{part:12} {percent:6.1f} %   floor {floors.get(part, '-')}")
    problems = shortfalls(found, floors)
    print("\n".join(problems))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
