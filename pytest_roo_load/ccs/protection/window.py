"""A sliding window made of two fixed ones. No input or output.

What was counted in the window before weighs as much as that window still overlaps with the last ``window_s`` seconds
(the sliding window counter of Cloudflare's "How we built rate limiting capable of scaling to millions of domains").
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most ``limit`` in any ``window_s`` seconds; a limit of 0 means that there is none."""

    limit: int
    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How much was counted in this window, ``elapsed_s`` after its beginning, and in the one before."""

    current: int
    before: int
    elapsed_s: float

    def used(self, rate: Rate) -> float:
        """Return how much counts in the sliding window."""
        return self.current + self.before * max(0.0, 1 - self.elapsed_s / rate.window_s)

    def remaining(self, rate: Rate) -> int:
        """Return how much more is allowed now."""
        return max(0, math.floor(rate.limit - self.used(rate)))

    def wait_s(self, rate: Rate) -> float:
        """Return after which time one more is allowed if nothing else is counted; 0 when it is now."""
        if self.used(rate) + 1 <= rate.limit:
            return 0.0
        room = rate.limit - 1
        if self.current <= room:  # in this window, as the one before slides out
            return rate.window_s * (1 - (room - self.current) / self.before) - self.elapsed_s
        return rate.window_s * (2 - room / self.current) - self.elapsed_s
