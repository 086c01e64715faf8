"""Big bodies up and down in constant memory."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from benchmarks.outcome import Goal, Outcome
from benchmarks.processes import ROOT

__all__ = ["measure"]

MEBIBYTES = 512
_MOST_MB = 10.0
_ABOUT = f"""
One virtual user uploads {MEBIBYTES} MiB piece by piece and downloads as much, over loopback, hash-verified. The server
is an asyncio program of its own and limits the speed together with the client. Memory is the generating process's.
"""


def measure() -> Outcome:
    """Our own client and aiohttp's behind the same interface."""
    told = {library: _transfer(library) for library in ("own", "aiohttp")}
    columns = ("client", "MB/s up", "MB/s down", "MB before", "MB at the peak")
    keys = ("up_mb_per_s", "down_mb_per_s", "before_mb", "peak_mb")
    return Outcome(
        title="Streaming",
        about=_ABOUT,
        columns=columns,
        rows=tuple((f"pytest-roo-load ({library})", *(one[key] for key in keys)) for library, one in told.items()),
        goals=tuple(
            Goal(
                text=f"MB that streaming needs ({library})",
                measured=one["peak_mb"] - one["before_mb"],
                limit=_MOST_MB,
                at_most=True,
            )
            for library, one in told.items()
        ),
    )


def _transfer(library: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.programs.stream", str(MEBIBYTES), library]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told
