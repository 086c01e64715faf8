"""What the report takes out of the seconds of a run: latencies on a coarse grid, and the slowest operations."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count

import numpy as np
from numpy.typing import NDArray

from pytest_roo_load.core.histogram import bucket_edges_s
from pytest_roo_load.core.profiles import is_steady
from pytest_roo_load.render.reading import JSON

__all__ = ["EMPTY", "LOWEST_S", "ROWS", "STEPS_PER_DECADE", "Seconds", "Slow", "digest"]

LOWEST_S = 1e-6
STEPS_PER_DECADE = 20
ROWS = 192  # from 1 µs to beyond 1 h
_SLOWEST = 15
_BUCKETS = 24_576  # more than a histogram has

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """One successful operation: how long it took, its name, the second in which it ended, and what went on then."""

    latency_s: float
    operation: str
    t: int
    phase: str
    users: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """The seconds of one run.

    Attributes:
        t: Their numbers.
        grid: A row per second; column k counts what took `LOWEST_S * 10 ** (k / STEPS_PER_DECADE)` or a little more.
        slowest: The slowest operations that ended in the steady phase, slowest first.
    """

    t: tuple[int, ...]
    grid: Counts
    slowest: tuple[Slow, ...]


EMPTY = Seconds(t=(), grid=np.zeros((0, ROWS), dtype=np.int64), slowest=())


@cache
def _rows_of_buckets() -> Counts:
    edges = np.array([max(bucket_edges_s(bucket)[1], LOWEST_S) for bucket in range(_BUCKETS)])
    return np.clip(np.floor(np.log10(edges / LOWEST_S) * STEPS_PER_DECADE + 1e-9), 0, ROWS - 1).astype(np.int64)


def digest(seconds: Iterable[JSON], *, end_s: float = math.inf) -> Seconds:
    """Go once through the lines of a live file, each a `Second.to_dict`; the load ended at `end_s`."""
    rows_of = _rows_of_buckets()
    moments: list[int] = []
    grid: list[Counts] = []
    slowest = _Slowest()
    for second in seconds:
        row = np.zeros(ROWS, dtype=np.int64)
        for operation, part in second["operations"].items():
            buckets = part["ok"]["buckets"]
            if buckets:
                np.add.at(row, rows_of[buckets], part["ok"]["counts"])
                if is_steady(second["phase"]) and second["t"] < end_s:
                    slowest.look(second, operation, part["ok"])
        moments.append(int(second["t"]))
        grid.append(row)
    if not moments:
        return EMPTY
    return Seconds(t=tuple(moments), grid=np.vstack(grid), slowest=slowest.all())


class _Slowest:
    """Keeps the slowest operations; the first of equals stays."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Slow]] = []
        self._order = count(0, -1)

    def __repr__(self) -> str:
        return f"<_Slowest of {len(self._heap)}>"

    def look(self, second: JSON, operation: str, histogram: JSON) -> None:
        """Take in what succeeded of an operation in a second."""
        for latency_s in _descending(histogram):
            if len(self._heap) == _SLOWEST and latency_s <= self._heap[0][0]:
                return
            slow = Slow(
                latency_s=latency_s,
                operation=operation,
                t=int(second["t"]),
                phase=second["phase"],
                users=second["users"],
            )
            keep = heapq.heappush if len(self._heap) < _SLOWEST else heapq.heapreplace
            keep(self._heap, (latency_s, next(self._order), slow))

    def all(self) -> tuple[Slow, ...]:
        """Slowest first."""
        return tuple(slow for _, _, slow in sorted(self._heap, key=lambda entry: entry[:2], reverse=True))


def _descending(histogram: JSON) -> Iterator[float]:
    """The latencies of a histogram, the highest exactly and the rest to its precision."""
    highest = histogram["max"]
    for bucket, number in zip(reversed(histogram["buckets"]), reversed(histogram["counts"]), strict=True):
        for _ in range(min(number, _SLOWEST)):
            yield min(highest, bucket_edges_s(bucket)[1])
