"""A rate of arrivals that keeps to a set point: a controller as a pure function, and the profile that has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_roo_load.core.early_end import check_condition
from pytest_roo_load.core.profiles.open import rate_of
from pytest_roo_load.core.profiles.plan import (
    GRACEFUL_STOP_S,
    STEADY,
    WARM_UP,
    Arrivals,
    Plan,
    phases_of,
    positive,
    whole,
)
from pytest_roo_load.core.sla.objective import Objective
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.sla.windows import window_value
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.core.units import Dimension, duration, format_quantity
from pytest_roo_load.errors import UsageError

__all__ = ["FeedbackProfile", "RateControl", "feedback_rate"]

_FAR, _FAR_GAIN, _GAIN = 0.7, 0.15, 0.05
_STRONGEST_CUT = 0.5
_EXPECTED = 5.0  # so many arrivals without any end are a standstill


@dataclass(frozen=True, slots=True, kw_only=True)
class RateControl:
    """How a rate follows what is measured.

    Attributes:
        objective: An upper limit of a latency or of the error rate: its limit is the set point.
        start: The first rate, per second.
        lowest: The rate never goes below.
        highest: The rate never goes above.
    """

    objective: Objective
    start: float
    lowest: float
    highest: float

    @property
    def window(self) -> int:
        """How many of the last seconds it looks at."""
        return int(self.objective.over_s or 1)

    def next_rate(self, rate: float, seconds: Sequence[Second]) -> float:
        """The rate that follows a rate, given the last seconds.

        It is multiplied by 1 + 0.05 e, where e = 1 - measured / set point, at least by 0.5. Where less than 30 % of the
        set point is measured, by 1 + 0.15 e. Seconds in which something should have ended and nothing did halve it.
        A proportional controller of the rate's logarithm: its gain is so small that it settles at 90 % of the capacity
        of a queue although what it sees is up to three seconds old.
        """
        measured = window_value(self.objective, seconds)
        if measured is None:
            factor = _STRONGEST_CUT if rate * len(seconds) >= _EXPECTED else 1.0
        else:
            error = 1 - measured / self.objective.limit
            factor = max(_STRONGEST_CUT, 1 + (_FAR_GAIN if error > _FAR else _GAIN) * error)
        return min(self.highest, max(self.lowest, rate * factor))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackProfile:
    """An open profile whose rate follows what is measured; made by `feedback_rate`."""

    control: RateControl
    settle_s: float
    length_s: float
    max_users: int

    def __str__(self) -> str:
        length = format_quantity(self.length_s, Dimension.TIME)
        start = format_quantity(self.control.start, Dimension.RATE)
        return (
            f"arrivals held at {self.control.objective.text} for {length}, from {start}, at most {self.max_users} users"
        )

    def plan(self) -> Plan:
        """A warm-up, in which the rate settles, unless that takes no time; then the steady phase."""
        lengths = [(WARM_UP, self.settle_s), (STEADY, self.length_s)]
        return Plan(
            phases=phases_of([(name, length) for name, length in lengths if length]),
            arrivals=Arrivals(segments=(), users=self.max_users, max_users=self.max_users, steering=self.control),
            graceful_stop_s=GRACEFUL_STOP_S,
        )


def feedback_rate(
    hold: str,
    length: str | float,
    *,
    max_users: int,
    rates: tuple[str | float, str | float] = ("10/s", "10000/s"),
    settle: str | float = "10 s",
) -> FeedbackProfile:
    """Iterations begin at the rate at which a latency or the error rate stays at its limit.

    Once a second the rate is decided anew from what all generators measured, see `RateControl.next_rate`.

    Args:
        hold: An upper limit, written as an objective: "p95 < 200 ms", "error_rate < 5 % over 5 s".
        length: Length of the steady phase.
        max_users: The most users at once, all set up beforehand.
        rates: The first rate, and the highest. It never goes below a tenth of the first.
        settle: Length of a phase before, in which the rate finds its way; objectives do not look at it.

    Raises:
        UsageError: The limit is none that can be held, or a value is out of range.
    """
    objective = check_condition(parse_objective(hold, "argument hold"))
    upper = objective.operator.startswith("<") and (objective.metric.latency or objective.metric.name == "error_rate")
    if not upper or not objective.limit:
        allowed = 'an upper limit of a latency or of error_rate, such as "p95 < 200 ms"'
        raise UsageError("not a limit that a rate can be held at", value=hold, allowed=allowed)
    first, most = (rate_of(rate, "rates") for rate in rates)
    if most < first:
        raise UsageError("the highest of rates is below the first", value=rates, allowed='("10/s", "500/s")')
    return FeedbackProfile(
        control=RateControl(objective=objective, start=first, lowest=first / 10, highest=most),
        settle_s=duration(settle, name="settle"),
        length_s=positive(length, "length"),
        max_users=whole(max_users, "max_users"),
    )
