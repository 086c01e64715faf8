"""The search for a target's capacity: the highest rate of arrivals at which it still meets its objectives.

The rate grows geometrically until it is too much, then the gap between what held and what was too much is halved (on a
logarithmic scale) until it is as narrow as wanted. A single step may err, so both ends of the gap must have been tried
twice with the same outcome; where two tries of a rate disagree, a third one decides. A step that tells nothing, because
something else took the generator's core, is repeated; where it still tells nothing, the search ends without a capacity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from math import sqrt
from typing import Any

from pytest_roo_load.core.result import PhaseResult, Result
from pytest_roo_load.core.sla.judge import judge
from pytest_roo_load.core.sla.objective import Objective
from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError

__all__ = ["Bounds", "Capacity", "CapacitySearch", "Outcome", "Step", "decisive", "step_of"]

_TRIES = 3  # at a rate that tells nothing
_AGREEING = 2  # tries at either end of the gap
_MOST_STEPS = 40
_DIGITS = 4
_LOST = 0.01  # of the arrivals


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
            return f"no capacity was found in {len(self.steps)} steps: {self.reason}"
        low, high = (format_quantity(one, Dimension.RATE) for one in (self.rate, self.too_much))
        return f"capacity {low} ({high} is too much, {len(self.steps)} steps)"

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
        self._reason = (
            f"{tries} steps at {format_quantity(last.rate, Dimension.RATE)} were invalid, the last: {last.reason}"
        )
        return None

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


def _rounded(rate: float) -> float:
    return float(f"{rate:.{_DIGITS}g}")


def decisive(objectives: Iterable[Objective]) -> tuple[Objective, ...]:
    """Those objectives that a target misses when it has too much to do: upper limits of latency and of errors.

    A rate, a count or a number of users is what a search chooses, and so nothing that it could decide by.

    Raises:
        UsageError: There are none.
    """
    given = tuple(objectives)
    found = tuple(one for one in given if _is_decisive(one))
    if not found:
        texts = ", ".join(one.text for one in given) or "none"
        raise UsageError(
            "no objective that could tell what is too much",
            value=texts,
            allowed='an upper limit of a latency or of error_rate, such as @pytest.mark.sla("p95 < 3 s")',
        )
    return found


def _is_decisive(objective: Objective) -> bool:
    metric = objective.metric
    return objective.operator.startswith("<") and (metric.latency or metric.name == "error_rate")


def step_of(rate: float, result: Result, objectives: Sequence[Objective], live: str = "") -> Step:
    """What a run at a rate says of it.

    A generator past its limits tells nothing of the target. Otherwise a rate is too much when an objective is missed,
    or when more than 1 % of the arrivals found no free user: then the target did not keep pace.
    """
    steady = result.steady
    outcome, reason = _outcome(steady, result, objectives)
    return Step(
        rate=rate,
        outcome=outcome,
        reason=reason,
        achieved=steady.iterations / steady.duration if steady.duration else 0.0,
        throughput=steady.throughput,
        p95=steady.p95,
        error_rate=steady.error_rate,
        lost=_lost(steady),
        live=live,
    )


def _lost(steady: PhaseResult) -> float:
    return (steady.dropped + steady.missed) / steady.arrivals if steady.arrivals else 0.0


def _outcome(steady: PhaseResult, result: Result, objectives: Sequence[Objective]) -> tuple[Outcome, str]:
    trouble = (*result.lost, *result.problems)
    if trouble:
        return Outcome.INVALID, "; ".join(trouble)
    if not steady.arrivals:
        return Outcome.INVALID, "no arrival was due: the steps are too short for this rate"
    if _lost(steady) > _LOST:
        return Outcome.FAILS, f"{_lost(steady):.1%} of the arrivals found no free user: the target did not keep pace"
    judgements = [judge(objective, result) for objective in objectives]
    missed = [one for one in judgements if one.verdict in {Verdict.FAIL, Verdict.INVALID}]
    if missed:
        return Outcome.FAILS, "; ".join(
            f"{one.objective.text}: {one.reason or one.objective.shown(one.measured)}" for one in missed
        )
    empty = [one for one in judgements if one.verdict is Verdict.NO_DATA]
    if empty and steady.count:
        return Outcome.INVALID, "; ".join(f"{one.objective.text}: {one.reason}" for one in empty)
    return (Outcome.HOLDS, "") if not empty else (Outcome.FAILS, "no operation succeeded or failed in time")
