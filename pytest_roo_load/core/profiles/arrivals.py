"""When arrivals of an open profile happen."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import sqrt

__all__ = ["RateSegment", "arrival_times"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSegment:
    """A stretch in which the rate goes linearly from one value to another.

    Attributes:
        phase: The name of its phase.
        length_s: Seconds.
        start_rate: Arrivals per second at its begin.
        end_rate: Arrivals per second at its end.
        poisson: Whether gaps are random (exponential) instead of even.
    """

    phase: str
    length_s: float
    start_rate: float
    end_rate: float
    poisson: bool = False

    @property
    def expected(self) -> float:
        """How many arrivals it has, on average if they are random."""
        return (self.start_rate + self.end_rate) / 2 * self.length_s

    def reached(self, count: float) -> float:
        """Seconds from its begin until `count` arrivals are due; `count` is at most `expected`.

        The number due after t seconds is r t + (s - r) t² / 2 L for a rate that goes from r to s in L seconds.
        """
        slope = (self.end_rate - self.start_rate) / self.length_s
        root = sqrt(max(0.0, self.start_rate * self.start_rate + 2 * slope * count))
        return 2 * count / (self.start_rate + root) if count else 0.0


def arrival_times(segments: Iterable[RateSegment], seed: int) -> Iterator[float]:
    """The moments of all arrivals, in seconds from the start of the load.

    With even gaps the k-th arrival (from 0) is when the rate has summed up to k: a rate of 200/s for 60 s has
    exactly 12,000. Random gaps are drawn where the rate is 1 and stretched to the rate that holds (time-rescaling),
    which is a Poisson process for any course of the rate.
    """
    draw = random.Random(f"{seed}/arrivals")
    start = due = 0.0
    for number, segment in enumerate(segments):
        if segment.poisson and number == 0:
            due = draw.expovariate(1.0)
        while due < segment.expected - 1e-9:
            yield start + segment.reached(due)
            due += draw.expovariate(1.0) if segment.poisson else 1.0
        due = max(0.0, due - segment.expected)
        start += segment.length_s
