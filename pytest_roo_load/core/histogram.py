"""Latency histograms with three significant digits from 1 µs to 1 h, exact under merging.

The buckets are those of HdrHistogram with 2,048 sub-buckets: every microsecond up to 2,047 µs has a bucket of its own,
and from there each power of two is split into 1,024 equal parts, so a bucket is never wider than 1 µs or 1/1024 of its
value, whichever is more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["HIGHEST_S", "Histogram", "bucket_edges_s"]

_HALF = 1024
_HALF_BITS = 11  # bits of the largest value that has a bucket of its own: 2,047
_TICKS_PER_S = 1_000_000
HIGHEST_S = 3600.0
_HIGHEST = int(HIGHEST_S * _TICKS_PER_S)

Counts = NDArray[np.int64]


def _indexes(ticks: Counts) -> Counts:
    """The bucket of each value in microseconds."""
    shift = np.frexp(ticks.astype(np.float64))[1].astype(np.int64) - _HALF_BITS
    np.maximum(shift, 0, out=shift)
    return shift * _HALF + (ticks >> shift)


def bucket_edges_s(index: int) -> tuple[float, float]:
    """The smallest and the largest value, in seconds, that fall into a bucket."""
    shift = max(0, index // _HALF - 1)
    part = index - shift * _HALF
    return (part << shift) / _TICKS_PER_S, (((part + 1) << shift) - 1) / _TICKS_PER_S


class Histogram:
    """Counts of durations by bucket, with their exact count, sum, minimum and maximum.

    Values are seconds. Those below 1 µs count as 1 µs' bucket 0, those above 1 h as 1 h. Adding histograms adds counts:
    a merge of parts equals the histogram of the whole, bucket by bucket.
    """

    __slots__ = ("_counts", "count", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self._counts: Counts = np.zeros(0, dtype=np.int64)
        self.count = 0
        self.total = 0.0
        self.minimum = float("inf")
        self.maximum = 0.0

    def __repr__(self) -> str:
        return f"<Histogram of {self.count} values, p50 {self.percentile(50)}, p99 {self.percentile(99)}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return self.count == other.count and self.buckets() == other.buckets()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def add(self, values_s: Iterable[float]) -> None:
        """Count the given durations."""
        values = np.asarray(values_s if isinstance(values_s, list | np.ndarray) else list(values_s), dtype=np.float64)
        if not values.size:
            return
        ticks = np.clip(np.rint(values * _TICKS_PER_S), 0, _HIGHEST).astype(np.int64)
        self._add_counts(np.bincount(_indexes(ticks)))
        self.count += int(values.size)
        self.total += float(values.sum())
        self.minimum = min(self.minimum, float(values.min()))
        self.maximum = max(self.maximum, float(values.max()))

    def merge(self, other: Histogram) -> None:
        """Add the counts of another histogram to this one."""
        self._add_counts(other._counts)
        self.count += other.count
        self.total += other.total
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)

    def _add_counts(self, counts: Counts) -> None:
        if counts.size > self._counts.size:
            grown = np.zeros(counts.size, dtype=np.int64)
            grown[: self._counts.size] = self._counts
            self._counts = grown
        self._counts[: counts.size] += counts

    @property
    def mean(self) -> float | None:
        """The arithmetic mean in seconds, from the exact sum; None without values."""
        return self.total / self.count if self.count else None

    def percentile(self, q: float) -> float | None:
        """The value in seconds that `q` percent of all values do not exceed (nearest rank), None without values.

        It is the upper edge of the bucket that holds the rank, never more than the largest value recorded.
        """
        if not self.count:
            return None
        return self._at_rank(int(np.ceil(round(q / 100 * self.count, 9))))[1]

    def _at_rank(self, rank: int) -> tuple[float, float]:
        """Between which values, in seconds, the value of this rank lies."""
        cumulated = np.cumsum(self._counts)
        lower, upper = bucket_edges_s(int(np.searchsorted(cumulated, min(max(rank, 1), self.count))))
        return min(max(lower, self.minimum), self.maximum), max(min(upper, self.maximum), self.minimum)

    def interval(self, q: float, confidence: float = 0.95) -> tuple[float, float | None] | None:
        """The confidence interval of a percentile from order statistics.

        The number of values below the true percentile is binomial, so the ranks at the binomial's quantiles bound it
        whatever the distribution (Hahn and Meeker, "Statistical Intervals", 5.2). Bounds are the outer edges of the
        buckets that hold these ranks. With too few values for one, the lower bound is 0 and the upper bound None.
        """
        if not self.count:
            return None
        from scipy.special import bdtrik  # noqa: PLC0415 - loaded only when an interval is asked for

        share, tail = q / 100, (1 - confidence) / 2
        low = int(np.ceil(np.nan_to_num(bdtrik(tail, self.count, share), nan=0.0)))
        high = int(np.ceil(np.nan_to_num(bdtrik(1 - tail, self.count, share), nan=float(self.count)))) + 1
        return self._at_rank(low)[0] if low else 0.0, self._at_rank(high)[1] if high <= self.count else None

    def count_above(self, limit_s: float) -> int:
        """How many values lie in buckets wholly above the limit."""
        edge = int(_indexes(np.array([int(np.clip(np.rint(limit_s * _TICKS_PER_S), 0, _HIGHEST))]))[0])
        return int(self._counts[edge + 1 :].sum())

    def buckets(self) -> list[tuple[int, int]]:
        """(bucket, count) of every bucket that is not empty."""
        filled = np.flatnonzero(self._counts)
        return list(zip(filled.tolist(), self._counts[filled].tolist(), strict=True))

    def to_dict(self) -> dict[str, Any]:
        """A JSON value: parallel lists of buckets and counts, and the exact sum, minimum and maximum."""
        filled = np.flatnonzero(self._counts)
        return {
            "buckets": filled.tolist(),
            "counts": self._counts[filled].tolist(),
            "sum": self.total,
            "min": self.minimum if self.count else None,
            "max": self.maximum if self.count else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Histogram:
        """The histogram that `to_dict` gave."""
        result = cls()
        if data["buckets"]:
            counts = np.zeros(max(data["buckets"]) + 1, dtype=np.int64)
            counts[data["buckets"]] = data["counts"]
            result._counts = counts
            result.count = int(counts.sum())
            result.total = float(data["sum"])
            result.minimum, result.maximum = float(data["min"]), float(data["max"])
        return result
