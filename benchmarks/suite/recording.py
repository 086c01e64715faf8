"""What recording costs, and the memory of a long run."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from benchmarks.cores import GENERATOR, pinned
from benchmarks.outcome import Goal, Outcome
from benchmarks.processes import ROOT
from benchmarks.programs.hour import OPERATIONS, RATE

__all__ = ["measure"]

SECONDS = 3600
_MOST_NS, _MOST_MB, _MOST_GROWTH_MB = 150.0, 150.0, 2.0
_ABOUT = f"""
One hour of {RATE:,} samples per second over {OPERATIONS} operations, recorded as fast as it goes: every sample is taken
by name as the clients do it, and every second is folded into histograms, pickled for the run, and written to disk as
JSON (a minute per file here). Costs are CPU time of one core per sample, the loop around them excepted. Growth is
that of the last 55 minutes. At the end the number of recorded samples has to be what was taken.
"""


def measure() -> Outcome:
    """One process does both parts, one after the other."""
    with pinned(GENERATOR):
        command = [sys.executable, "-m", "benchmarks.programs.hour", str(SECONDS)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    grown = {part: told[part][-1] - told[part][4] for part in ("generator_mb", "run_mb")}
    recorded = told["take_ns"] + told["fold_ns"]
    return Outcome(
        title="Recording a sample, and an hour of them",
        about=_ABOUT,
        columns=("part", "ns per sample", "highest MB", "growth in MB"),
        rows=(
            ("take a sample", told["take_ns"], None, None),
            ("fold the second's samples", told["fold_ns"], max(told["generator_mb"]), grown["generator_mb"]),
            ("send the second to the run", told["send_ns"], None, None),
            ("write the second (the run's process)", told["write_ns"], max(told["run_mb"]), grown["run_mb"]),
        ),
        goals=(
            Goal(text="ns to record a sample (take and fold)", measured=recorded, limit=_MOST_NS, at_most=True),
            Goal(
                text="highest MB in an hour",
                measured=max(*told["generator_mb"], *told["run_mb"]),
                limit=_MOST_MB,
                at_most=True,
            ),
            Goal(
                text="growth in MB over 55 minutes",
                measured=max(grown.values()),
                limit=_MOST_GROWTH_MB,
                at_most=True,
            ),
        ),
    )
