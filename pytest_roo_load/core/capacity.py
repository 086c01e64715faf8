"""The search for a target's capacity: the highest rate of arrivals at which it still meets its objectives.

The rate grows geometrically until it is too much, then the gap between what held and what was too much is halved (on a
logarithmic scale) until it is as narrow as wanted. A single step may err, so both ends of the gap must have been tried
twice with the same outcome; where two tries of a rate disagree, a third one decides. A step that tells nothing, because
something else took the generator's core, is repeated; where it still tells nothing, the search ends without a capacity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from math import sqrt
from typing import Any

from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError

__all__ = ["Bounds", "Capacity", "CapacitySearch", "Outcome", "Step"]

_TRIES = 3  # at a rate that tells nothing
_AGREEING = 2  # tries at either end of the gap
_MOST_STEPS = 40
_DIGITS = 4


class Outcome(Enum):
    """What one step says of its rate."""

    HOLDS = "holds"
    FAILS = "fails"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a search.

    Attributes:
        rate: Arrivals per second that were tried.
        outcome: What came of it.
        reason: Why it is not that it holds.
        achieved: Iterations per second that were finished.
        throughput: Successful operations per second.
        p95: In seconds; None where nothing succeeded.
        error_rate: 0 to 1; None where nothing ended.
        lost: Share of the arrivals that were dropped, or not begun.
        live: The file that has every second of it.
    """

    rate: float
    outcome: Outcome
    reason: str = ""
    achieved: float = 0.0
    throughput: float = 0.0
    p95: float | None = None
    error_rate: float | None = None
    lost: float = 0.0
    live: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Between which rates is searched, and how far.

    Attributes:
        start: The first rate, per second.
        lowest: A target that fails at this rate has no capacity to speak of.
        highest: No higher rate is tried.
        tolerance: How much higher than the capacity the lowest rate that is too much may be, as a share.
        factor: By how much the rate grows as long as it holds.
    """

    start: float
    lowest: float = 0.1
    highest: float = 100_000.0
    tolerance: float = 0.1
    factor: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what cannot be searched."""
        if not 0.001 <= self.tolerance <= 1:  # noqa: PLR2004 - a share
            raise UsageError("tolerance is out of range", value=self.tolerance, allowed="0.1 % to 100 %")
        if not self.lowest <= self.start <= self.highest:
            allowed = f"{self.lowest:g}/s to {self.highest:,.0f}/s"
            raise UsageError("start is out of range", value=self.start, allowed=allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What a search found.

    Attributes:
        rate: The highest rate that holds, in arrivals (iterations) per second; None when none was found.
        too_much: The lowest rate that is known to be too much.
        reason: Why there is no rate.
        steps: Every step, in order.
    """

    rate: float | None
    too_much: float | None
    reason: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        if self.rate is None or self.too_much is None:
            return f"no capacity was found in {_steps(len(self.steps))}: {self.reason}"
        low, high = (format_quantity(one, Dimension.RATE) for one in (self.rate, self.too_much))
        return f"capacity {low.removesuffix('/s')} arrivals/s ({high} is too much, {_steps(len(self.steps))})"

    @property
    def verdict(self) -> Verdict:
        """Pass when a rate was found, fail when the target failed at every rate, otherwise invalid."""
        if self.rate is not None:
            return Verdict.PASS
        failed = bool(self.steps) and all(step.outcome is Outcome.FAILS for step in self.steps)
        return Verdict.FAIL if failed else Verdict.INVALID

    def to_dict(self) -> dict[str, Any]:
        """As a JSON value."""
        return {
            "rate": self.rate,
            "too_much": self.too_much,
            "reason": self.reason,
            "steps": [asdict(step) | {"outcome": step.outcome.value} for step in self.steps],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Capacity:
        """The capacity that `to_dict` gave."""
        steps = tuple(Step(**step | {"outcome": Outcome(step["outcome"])}) for step in data["steps"])
        return cls(rate=data["rate"], too_much=data["too_much"], reason=data["reason"], steps=steps)


class CapacitySearch:
    """Says which rate to try next; whoever tries it tells with `take` what came of it.

    Args:
        bounds: Where and how far to search.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._steps: list[Step] = []
        self._low: float | None = None
        self._high: float | None = None
        self._reason = ""
        self.rate: float | None = bounds.start

    def __repr__(self) -> str:
        return f"<CapacitySearch after {len(self._steps)} steps, {self._low} holds, {self._high} is too much>"

    def take(self, step: Step) -> None:
        """What came of the rate that `rate` asked for; afterwards `rate` is the next one, None when all is said."""
        self._steps.append(step)
        held, failed = self._settled(Outcome.HOLDS), self._settled(Outcome.FAILS)
        self._high = min(failed, default=None)
        self._low = max((rate for rate in held if self._high is None or rate < self._high), default=None)
        self.rate = self._next()

    @property
    def capacity(self) -> Capacity:
        """What was found so far."""
        if self._reason or self.rate is not None:
            reason = self._reason or "the search has not come to its end"
            return Capacity(rate=None, too_much=self._high, reason=reason, steps=tuple(self._steps))
        return Capacity(rate=self._low, too_much=self._high, reason="", steps=tuple(self._steps))

    def _margin(self, rate: float) -> int:
        """How many more tries of a rate held than failed."""
        outcomes = [step.outcome for step in self._steps if step.rate == rate]
        return outcomes.count(Outcome.HOLDS) - outcomes.count(Outcome.FAILS)

    def _agreeing(self, rate: float) -> int:
        """How many tries of a rate agree with each other."""
        outcomes = [step.outcome for step in self._steps if step.rate == rate]
        return max(outcomes.count(Outcome.HOLDS), outcomes.count(Outcome.FAILS))

    def _settled(self, outcome: Outcome) -> list[float]:
        sign = 1 if outcome is Outcome.HOLDS else -1
        return [rate for rate in {step.rate for step in self._steps} if self._margin(rate) * sign > 0]

    def _next(self) -> float | None:
        last = self._steps[-1]
        if len(self._steps) >= _MOST_STEPS:
            self._reason = f"{_MOST_STEPS} steps did not settle it"
            return None
        if last.outcome is Outcome.INVALID:
            return self._again(last)
        return last.rate if self._margin(last.rate) == 0 else self._onwards()

    def _again(self, last: Step) -> float | None:
        tries = sum(step.rate == last.rate and step.outcome is Outcome.INVALID for step in self._steps)
        if tries < _TRIES:
            return last.rate
        shown = format_quantity(last.rate, Dimension.RATE)
        self._reason = f"{self._failing_before()}{tries} steps at {shown} were invalid, the last: {last.reason}"
        return None

    def _failing_before(self) -> str:
        """What the lowest rate that failed said, where no rate has held."""
        if self._high is None or self._low is not None:
            return ""
        last = next(step for step in reversed(self._steps) if step.rate == self._high and step.outcome is Outcome.FAILS)
        return f"{format_quantity(self._high, Dimension.RATE)} is too much already ({last.reason}), and "

    def _onwards(self) -> float | None:
        """Grow, shrink, halve the gap, or try its ends again."""
        bounds, low, high = self._bounds, self._low, self._high
        if high is None:
            return self._grow(low or bounds.start)
        if low is None:
            return self._shrink(high)
        if high / low > 1 + bounds.tolerance:
            return _rounded(sqrt(low * high))
        return next((rate for rate in (low, high) if self._agreeing(rate) < _AGREEING), None)

    def _grow(self, low: float) -> float | None:
        if low >= self._bounds.highest:
            shown = format_quantity(low, Dimension.RATE)
            self._reason = f"the target holds at {shown}, the highest rate that was to be tried"
            return None
        return min(_rounded(low * self._bounds.factor), self._bounds.highest)

    def _shrink(self, high: float) -> float | None:
        if high <= self._bounds.lowest:
            shown = format_quantity(high, Dimension.RATE)
            self._reason = f"the target fails at {shown} already, the lowest rate that was to be tried"
            return None
        return max(_rounded(high / self._bounds.factor), self._bounds.lowest)


def _steps(number: int) -> str:
    return f"{number} step{'s' if number != 1 else ''}"


def _rounded(rate: float) -> float:
    return float(f"{rate:.{_DIGITS}g}")
