"""Whether something that a process uses goes on growing: memory, file descriptors, tasks.

A healthy process grows while it warms up, saws up and down as garbage is collected, and jumps when a cache is
filled. So it is the troughs that are followed: the least value of each of a few windows. They leak when their trend is
upwards and not by chance (Mann and Kendall's test, its variance corrected for autocorrelation as by Hamed and Rao,
Journal of Hydrology 204, 1998), when the growth is of a size that matters, and when it goes on in the second half.
The slope is that of Theil and Sen (Journal of the American Statistical Association 63, 1968).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError

__all__ = ["MEMORY", "Growth", "LeakLimits", "growth_of"]

MEMORY = 4e6  # bytes that matter
_WINDOWS, _FEWEST = 24, 8
_LATE_SHARE = 0.3

Array = np.ndarray[tuple[int], np.dtype[np.float64]]
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakLimits:
    """From when on growth counts as a leak.

    Attributes:
        warm_up_s: Points before it are left out.
        masks: Stretches of time that are left out: faults, and recovering from them.
        chance: The likelihood, at most, that no trend at all gives such troughs.
        growth: Growth over the time looked at, at least, in the unit of the values; None for what is usual for them:
            4 MB of memory, 20 descriptors and so on.
        share: The same as a share of the level.
    """

    warm_up_s: float = 0.0
    masks: tuple[tuple[float, float], ...] = field(default=())
    chance: float = 0.01
    growth: float | None = None
    share: float = 0.02

    def __post_init__(self) -> None:
        problems = [
            f"{name}={value!r} (allowed: {allowed})"
            for name, value, allowed, fine in (
                ("warm_up_s", self.warm_up_s, "0 or more", self.warm_up_s >= 0),
                ("chance", self.chance, "above 0, below 1", 0 < self.chance < 1),
                ("growth", self.growth, "0 or more", self.growth is None or self.growth >= 0),
                ("share", self.share, "0 or more", self.share >= 0),
                ("masks", self.masks, "pairs of begin and end", all(a <= b for a, b in self.masks)),
            )
            if not fine
        ]
        if problems:
            raise UsageError("limits of a leak", value="; ".join(problems), allowed="see LeakLimits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What was found.

    Attributes:
        verdict: Fail when it leaks; no data where the points are too few.
        per_second: Slope of the troughs.
        late_per_second: The same over the second half.
        total: Growth over the time that was looked at.
        level: Median of the troughs.
        chance: The likelihood that no trend at all gives such troughs.
        points: How many were looked at.
        span_s: The time between the first and the last of them.
    """

    verdict: Verdict
    points: int
    span_s: float = 0.0
    per_second: float = 0.0
    late_per_second: float = 0.0
    total: float = 0.0
    level: float = 0.0
    chance: float = 1.0


def growth_of(points: Points, limits: LeakLimits | None = None, *, control: Points = ()) -> Growth:
    """How a value grows.

    Args:
        points: Second and value, in order.
        limits: From when on it is a leak; growth of None is as usual for memory.
        control: The same of a process that does the same without load; what that grows by is taken off.
    """
    limits = limits or LeakLimits()
    kept = _kept(points, limits)
    count = min(_WINDOWS, len(kept) // 2)
    if count < _FEWEST:
        return Growth(verdict=Verdict.NO_DATA, points=len(kept))
    times, values = np.array(kept, dtype=np.float64).T
    if control:
        values = values - _drift(_kept(control, limits)) * (times - times[0])
    return _judged(times, values, count, limits)


def _kept(points: Points, limits: LeakLimits) -> list[tuple[float, float]]:
    def counts(at_s: float) -> bool:
        return at_s >= limits.warm_up_s and not any(begin <= at_s <= end for begin, end in limits.masks)

    return [(at_s, value) for at_s, value in points if counts(at_s)]


def _drift(control: Points) -> float:
    if len(control) < 2 * _FEWEST:
        return 0.0
    times, values = np.array(control, dtype=np.float64).T
    return _slope(*_troughs(times, values, min(_WINDOWS, len(control) // 2)))


def _judged(times: Array, values: Array, count: int, limits: LeakLimits) -> Growth:
    at, troughs = _troughs(times, values, count)
    slope, late = _slope(at, troughs), _slope(at[count // 2 :], troughs[count // 2 :])
    span = float(times[-1] - times[0])
    level = float(np.median(troughs))
    chance = _chance_of_growth(troughs - slope * at, troughs)
    growth = MEMORY if limits.growth is None else limits.growth
    grows = chance <= limits.chance and slope * span >= max(growth, limits.share * abs(level))
    leaks = grows and late >= _LATE_SHARE * slope
    return Growth(
        verdict=Verdict.FAIL if leaks else Verdict.PASS,
        points=len(times),
        span_s=span,
        per_second=slope,
        late_per_second=late,
        total=slope * span,
        level=level,
        chance=chance,
    )


def _troughs(times: Array, values: Array, count: int) -> tuple[Array, Array]:
    """When each window has its least value, and that value."""
    lows = [
        (float(at[low := int(np.argmin(part))]), float(part[low]))
        for at, part in zip(np.array_split(times, count), np.array_split(values, count), strict=True)
    ]
    at_s, least = np.array(lows, dtype=np.float64).T
    return at_s, least


def _slope(times: Array, values: Array) -> float:
    """The median of the slopes between any two points."""
    first, second = np.triu_indices(len(times), 1)
    steps = times[second] - times[first]
    apart = steps > 0
    return float(np.median((values[second] - values[first])[apart] / steps[apart]))


def _chance_of_growth(detrended: Array, values: Array) -> float:
    """One-sided likelihood of Kendall's S or a higher one without a trend."""
    n = len(values)
    first, second = np.triu_indices(n, 1)
    score = float(np.sign(values[second] - values[first]).sum())
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in _ties(values))) / 18
    variance *= max(1.0, _correction(_ranks(detrended)))
    if score <= 0 or variance <= 0:
        return 1.0
    return 0.5 * math.erfc((score - 1) / math.sqrt(2 * variance))


def _ties(values: Array) -> Iterable[int]:
    return (int(count) for count in np.unique(values, return_counts=True)[1] if count > 1)


def _ranks(values: Array) -> Array:
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks


def _correction(ranks: Array) -> float:
    """By how much autocorrelation widens the variance: only what is significant at 5 % counts."""
    n = len(ranks)
    centred = ranks - ranks.mean()
    power = float((centred**2).sum())
    if power == 0:
        return 1.0
    widened = 0.0
    for lag in range(1, n - 2):
        correlation = float((centred[:-lag] * centred[lag:]).sum()) / power
        if abs(correlation) > 1.96 / math.sqrt(n):
            widened += (n - lag) * (n - lag - 1) * (n - lag - 2) * correlation
    return 1 + 2 * widened / (n * (n - 1) * (n - 2))
