"""One file through the reference CCS: how fast, at whose cost, in how much memory."""

from __future__ import annotations

import tempfile
from ast import literal_eval
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.outcome import Cell, Goal, Outcome
from benchmarks.programs.own import own_run
from benchmarks.servers.ccs import Served, reference_ccs

__all__ = ["measure"]

_AT_ONCE, _ROUNDS = 4, 3
# File → (bytes, chunks on their way at once, rounds).
_FILES = {
    "150 MB": (150_000_000, _AT_ONCE, _ROUNDS),
    "150 MB, one chunk at a time": (150_000_000, 1, _ROUNDS),
    "1 GB": (1_000_000_000, _AT_ONCE, 1),
}
_LEAST_MB_PER_S, _MOST_MB, _FULL = 200.0, 80.0, 0.8
_ABOUT = f"""
A virtual user of an ordinary test, with everything on, sends one file and fetches it again. Up, the generator makes the
content, hashes all of it, announces it, and sends chunks of 1 MiB, {_AT_ONCE} at once as `file_sync` does; the server
writes them to a file and hashes. Down, one request: the server sends from its file, the generator hashes. The server
has a core for itself; generator, PostgreSQL and Redis share the other. "Of a core" is the CPU time of an end by the
time that the transfer took; up, the server has nothing to do until the file is announced. What limits is the end with
{_FULL:.0%} of a core or more; where neither has that, they wait for each other. Medians of {_ROUNDS} interleaved
rounds, one for 1 GB. Memory is the generator's peak, as the run saw it.
"""


def measure() -> Outcome:
    """Each file up and down."""
    with reference_ccs() as ccs:
        readings: dict[str, list[Mapping[str, Any]]] = {name: [] for name in _FILES}
        for number in range(_ROUNDS):
            for name, (_, _, rounds) in _FILES.items():
                if number < rounds:
                    readings[name].append(_transferred(ccs, name))
    rates = {(name, way): _rate(name, readings[name], way) for name in _FILES for way in ("up", "down")}
    memory = {name: max(one["memory_mb"] for one in readings[name]) for name in _FILES}
    return Outcome(
        title="Files through the reference CCS",
        about=_ABOUT,
        columns=(
            "file",
            "MB/s",
            "generator, of a core",
            "server, of a core",
            "what limits",
            "generator MB at its peak",
        ),
        rows=tuple(
            (f"{name}, {way}", rate, *_shares(readings[name], way), memory[name]) for (name, way), rate in rates.items()
        ),
        goals=(
            *(
                Goal(text=f"{name}, {way}, MB/s", measured=rate, limit=_LEAST_MB_PER_S)
                for (name, way), rate in rates.items()
            ),
            Goal(text="generator MB, any size", measured=max(memory.values()), limit=_MOST_MB, at_most=True),
        ),
    )


def _rate(name: str, rounds: Sequence[Mapping[str, Any]], way: str) -> float:
    return _FILES[name][0] / 1e6 / float(median(one[way][0] for one in rounds))


def _shares(rounds: Sequence[Mapping[str, Any]], way: str) -> tuple[Cell, Cell, Cell]:
    """What each end had of a core, and which had all of it."""
    here, there = (median(one[way][end] / one[way][0] for one in rounds) for end in (1, 2))
    busy = [end for end, share in (("generator", here), ("server", there)) if share >= _FULL]
    return here, there, " and ".join(busy) or "neither"


def _transferred(ccs: Served, name: str) -> Mapping[str, Any]:
    """Way → (seconds, CPU seconds here, CPU seconds there); and the generator's memory."""
    url, pid = ccs
    length, at_once, _ = _FILES[name]
    environment = {"SIZE": f"{length}", "AT_ONCE": f"{at_once}", "SERVER": f"{pid}"}
    with tempfile.TemporaryDirectory(prefix="roo-benchmark-") as folder:
        with own_run(Path(folder), "test_files.py", url, environment=environment) as run:
            run.finish()
        record = run.record()
    ways = {way: literal_eval(record["values"][way]["first"][0]) for way in ("up", "down")}
    return ways | {"memory_mb": record["resources"]["generator"]["memory_peak"] / 1e6}
