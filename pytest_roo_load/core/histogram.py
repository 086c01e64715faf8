"""Latency histograms with three significant digits from 1 µs to 1 h, exact under merging.

The buckets are those of HdrHistogram with 2,048 sub-buckets: every microsecond up to 2,047 µs has a bucket of its own,
and from there each power of two is split into 1,024 equal parts, so a bucket is never wider than 1 µs or 1/1024 of its
value, whichever is more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
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


_NOTHING: Counts = np.zeros(0, dtype=np.int64)  # what every histogram begins with; it is never written to


def _indexes(values_s: NDArray[np.float64]) -> Counts:
    """The bucket of each duration: its microseconds, of which those above 2,047 lose all bits but the first 11."""
    rounded = np.rint(values_s * _TICKS_PER_S)
    np.minimum(rounded, _HIGHEST, out=rounded)
    np.maximum(rounded, 0, out=rounded)
    shift = np.frexp(rounded)[1]
    shift -= _HALF_BITS
    np.maximum(shift, 0, out=shift)
    indexes: Counts = shift * _HALF + (rounded.astype(np.int64) >> shift)
    return indexes


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
        self._counts: Counts = _NOTHING
        self.count = 0
        self.total = 0.0
        self.minimum = float("inf")
        self.maximum = 0.0

    @classmethod
    def _of(cls, indexes: Counts, total: float, minimum: float, maximum: float) -> Histogram:
        result = cls()
        result._counts = np.bincount(indexes)
        result.count = indexes.size
        result.total, result.minimum, result.maximum = total, minimum, maximum
        return result

    @classmethod
    def of_each(cls, batches: Sequence[Sequence[float]]) -> list[Histogram]:
        """A histogram of each batch of durations; of many at once it costs far less than of one after another."""
        filled = [batch for batch in batches if batch]
        if not filled:
            return [cls() for _ in batches]
        values = np.fromiter(chain.from_iterable(filled), np.float64)
        ends = np.cumsum([len(batch) for batch in filled])
        starts = [0, *ends[:-1].tolist()]
        figures = (figure.reduceat(values, starts).tolist() for figure in (np.add, np.minimum, np.maximum))
        made = map(cls._of, np.split(_indexes(values), ends[:-1]), *figures)
        return [next(made) if batch else cls() for batch in batches]

    def __repr__(self) -> str:
        return f"<Histogram of {self.count} values, p50 {self.percentile(50)}, p99 {self.percentile(99)}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return self.count == other.count and self.buckets() == other.buckets()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def add(self, values_s: Iterable[float]) -> None:
        """Count the given durations."""
        self.merge(self.of_each([list(values_s)])[0])

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
        edge = int(_indexes(np.array([limit_s]))[0])
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
