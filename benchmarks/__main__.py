"""Runs benchmarks and writes docs/benchmarks.md.

    python -m benchmarks                 all of them
    python -m benchmarks http_rate ...   only these; the document keeps the latest outcome of the others
    python -m benchmarks --document      none: write the document anew

Peers that are not installed have no figures; `pip install -r benchmarks/requirements.txt` gives those that PyPI has.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from benchmarks.document import write_document
from benchmarks.machine import facts
from benchmarks.outcome import Outcome
from benchmarks.results import save
from benchmarks.suite import BENCHMARKS


def main() -> int:
    """Measure what was asked for; 1 when a goal was missed."""
    asked = _arguments()
    outcomes = [] if asked.document else [_measure(name) for name in asked.names or BENCHMARKS]
    write_document()
    return int(any(not goal.held for outcome in outcomes for goal in outcome.goals))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--document", action="store_true", help="measure nothing, write the document anew")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark called {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    return asked


def _measure(name: str) -> Outcome:
    print(f"== {name}", flush=True)
    outcome: Outcome = importlib.import_module(f"benchmarks.suite.{name}").measure()
    save(name, outcome, facts())
    print(outcome.table())
    for goal in outcome.goals:
        print(f"- {goal}", flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
