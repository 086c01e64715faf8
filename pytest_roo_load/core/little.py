"""Little's law as a cross-check: what was seen in flight must be what the latencies add up to.

In any stretch of time the mean number inside a system is the rate at which things come times the mean time that each is
inside (J. D. C. Little, Operations Research 9, 1961). A generator counts, now and then, how many operations are in
flight; the latencies that it recorded say independently how many there must have been.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Flying", "Little", "doubt", "little"]

_TOLERATED = 0.15
_DEVIATIONS = 5.0
_LOOK_S = 0.05  # from one look to the next
_SPARSE_S = 20 * _LOOK_S  # with less time in flight, all in all, the looks may have missed all of it
_CLOCK_S = 0.002  # timers have a resolution of a millisecond, and what is looked at may keep step with them


@dataclass(slots=True, kw_only=True)
class Flying:
    """Looks at how many operations were in flight.

    Attributes:
        inside_s: Their number summed up over time: operations × seconds.
        noise: The variance of `inside_s` that comes of not looking all the time, from the differences between looks.
        late_failed_s: By how much the latencies of failed operations exceed their time in flight, summed up.
    """

    inside_s: float = 0.0
    noise: float = 0.0
    late_failed_s: float = 0.0

    def look(self, before: int, now: int, passed_s: float) -> None:
        """There were so many at the last look, and so many now, this long after it."""
        self.inside_s += (before + now) / 2 * passed_s
        self.noise += ((now - before) * passed_s) ** 2 / 2

    def merge(self, other: Flying) -> None:
        """Add what another generator saw, or what was seen in another phase."""
        self.inside_s += other.inside_s
        self.noise += other.noise
        self.late_failed_s += other.late_failed_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Little:
    """The cross-check of one phase.

    Attributes:
        inside: Mean number of operations in flight, as it was seen.
        explained: Operations per second times their mean time in flight, as recorded.
        tolerance: By how much the two may differ: 15 % of the larger, what looking now and then leaves open, and 2 ms
            for each operation.
    """

    inside: float
    explained: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the two agree."""
        return abs(self.inside - self.explained) <= self.tolerance


def little(flying: Flying, residence_s: float, operations: int, duration_s: float) -> Little | None:
    """The cross-check of a phase; None when it had no operation or no length.

    Args:
        flying: What was seen.
        residence_s: The sum of the operations' latencies, from their actual start.
        operations: How many there were.
        duration_s: Length of the phase.
    """
    if not operations or duration_s <= 0:
        return None
    noise = flying.noise if residence_s >= _SPARSE_S else max(flying.noise, _LOOK_S * residence_s)
    slack_s = _TOLERATED * max(flying.inside_s, residence_s) + _DEVIATIONS * noise**0.5 + _CLOCK_S * operations
    return Little(
        inside=flying.inside_s / duration_s, explained=residence_s / duration_s, tolerance=slack_s / duration_s
    )


def doubt(phase: str, law: Little | None, interrupted: int) -> str:
    """What Little's law says against the latencies of a phase; nothing where it holds."""
    if law is None or law.holds:
        return ""
    why = f"; {interrupted} that never ended have no latency" if interrupted and law.inside > law.explained else ""
    return (
        f"Little's law does not hold in phase {phase!r}: {law.inside:.3g} operations were in flight on average, but "
        f"their rate times their mean latency makes {law.explained:.3g}{why}"
    )
