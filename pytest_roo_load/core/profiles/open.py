"""Open profiles: so many arrivals a second, whatever became of earlier ones."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_roo_load.core.profiles.arrivals import RateSegment
from pytest_roo_load.core.profiles.plan import (
    GRACEFUL_STOP_S,
    RAMP,
    RECOVERY,
    SPIKE,
    STEADY,
    WARM_UP,
    Arrivals,
    Plan,
    phases_of,
    positive,
    whole,
)
from pytest_roo_load.core.units import Dimension, duration, format_quantity, parse_quantity
from pytest_roo_load.errors import UsageError

__all__ = ["RateProfile", "arrival_rate", "poisson", "ramping_rate", "rate_of", "spiking_rate"]

_HIGHEST_RATE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RateProfile:
    """An open profile; made by the functions of this module.

    Attributes:
        text: In words.
        segments: The rate over time.
        users: Users that are set up beforehand.
        max_users: The most users that there may be.
    """

    text: str
    segments: tuple[RateSegment, ...]
    users: int
    max_users: int

    def __str__(self) -> str:
        return self.text

    def plan(self) -> Plan:
        """The segments one after another."""
        return Plan(
            phases=phases_of([(segment.phase, segment.length_s) for segment in self.segments]),
            arrivals=Arrivals(segments=self.segments, users=self.users, max_users=self.max_users),
            graceful_stop_s=GRACEFUL_STOP_S,
        )

    def then(self, other: RateProfile) -> RateProfile:
        """This profile, and the other one after it. A second phase of a name is told apart: "steady 2".

        Raises:
            UsageError: The other one is not open.
        """
        if not isinstance(other, RateProfile):
            raise UsageError(
                "these profiles cannot follow each other",
                value=f"{self} then {other}",
                allowed="open profiles, such as ramping_rate and arrival_rate",
            )
        return RateProfile(
            text=f"{self}, then {other}",
            segments=(*self.segments, *other.segments),
            users=max(self.users, other.users),
            max_users=max(self.max_users, other.max_users),
        )


def arrival_rate(
    rate: str | float, duration: str | float, *, max_users: int, users: int | None = None, warm_up: str | float = 0
) -> RateProfile:
    """Iterations begin at a constant rate, evenly spaced.

    Each arrival borrows a user that is set up and free; there are `users` from the start, and more are set up when none
    is free, up to `max_users`. An arrival that finds none is dropped and counted. Latency counts from the intended
    start.

    Args:
        rate: Arrivals per second as a number, or text such as "200/s" or "600/min".
        duration: Length of the steady phase.
        max_users: The most users at once, 1 to 1,000,000.
        users: Users set up beforehand; default: `max_users`.
        warm_up: Length of a phase before, at the same rate, that objectives do not look at.

    Raises:
        UsageError: A value is out of range.
    """
    return _profile(_steady(rate, duration, warm_up, poisson=False), "arrivals", users, max_users)


def poisson(
    rate: str | float, duration: str | float, *, max_users: int, users: int | None = None, warm_up: str | float = 0
) -> RateProfile:
    """As `arrival_rate`, with random gaps: arrivals that know nothing of each other, such as people.

    Raises:
        UsageError: A value is out of range.
    """
    return _profile(_steady(rate, duration, warm_up, poisson=True), "Poisson arrivals", users, max_users)


def ramping_rate(
    rate: str | float, *, ramp: str | float, hold: str | float, max_users: int, start: str | float = 0
) -> RateProfile:
    """From a rate of `start` to `rate`, linearly over `ramp`, then constant for `hold`. Phases: ramp, steady.

    Raises:
        UsageError: A value is out of range.
    """
    begin, end = rate_of(start, "start", least=0.0), rate_of(rate, "rate")
    segments = (
        RateSegment(phase=RAMP, length_s=positive(ramp, "ramp"), start_rate=begin, end_rate=end),
        RateSegment(phase=STEADY, length_s=positive(hold, "hold"), start_rate=end, end_rate=end),
    )
    return _profile(segments, "arrivals, ramping up", None, max_users)


# Six parameters: those of `spike`, and `max_users`, which every open profile has; a value for some of them would only
# make it harder to write.
def spiking_rate(
    rate: str | float,
    peak: str | float,
    *,
    before: str | float,
    spike: str | float,
    after: str | float,
    max_users: int,
) -> RateProfile:
    """A rate, suddenly `peak`, and the same rate again. Phases: warm_up, steady, spike, recovery.

    The warm-up is the first half of `before`, so that users are set up. All arrivals are evenly spaced.

    Raises:
        UsageError: A value is out of range, or `peak` is not above `rate`.
    """
    normal, most = rate_of(rate, "rate"), rate_of(peak, "peak")
    if most <= normal:
        raise UsageError("peak is out of range", value=peak, allowed=f"more than the rate, {rate}")
    half_s = positive(before, "before") / 2
    stretches = (
        (WARM_UP, normal, half_s),
        (STEADY, normal, half_s),
        (SPIKE, most, positive(spike, "spike")),
        (RECOVERY, normal, positive(after, "after")),
    )
    segments = tuple(
        RateSegment(phase=phase, length_s=length_s, start_rate=per_second, end_rate=per_second)
        for phase, per_second, length_s in stretches
    )
    rates = (format_quantity(normal, Dimension.RATE), format_quantity(most, Dimension.RATE))
    length = format_quantity(segments[2].length_s, Dimension.TIME)
    return RateProfile(
        text=f"{rates[0]} arrivals with a spike of {rates[1]} for {length}, at most {max_users} users",
        segments=segments,
        users=whole(max_users, "max_users"),
        max_users=max_users,
    )


def _steady(rate: str | float, length: str | float, warm_up: str | float, *, poisson: bool) -> tuple[RateSegment, ...]:
    per_second = rate_of(rate, "rate")
    lengths = ((WARM_UP, duration(warm_up, name="warm_up")), (STEADY, positive(length, "duration")))
    return tuple(
        RateSegment(phase=phase, length_s=length_s, start_rate=per_second, end_rate=per_second, poisson=poisson)
        for phase, length_s in lengths
        if length_s
    )


def _profile(segments: tuple[RateSegment, ...], what: str, users: int | None, max_users: int) -> RateProfile:
    whole(max_users, "max_users")
    rate = format_quantity(segments[-1].end_rate, Dimension.RATE)
    length = format_quantity(segments[-1].length_s, Dimension.TIME)
    return RateProfile(
        text=f"{rate} {what} for {length}, at most {max_users} users",
        segments=segments,
        users=max_users if users is None else whole(users, "users", most=max_users),
        max_users=max_users,
    )


def rate_of(value: str | float, name: str, least: float = 1e-6) -> float:
    """Arrivals per second of a rate given as text ("200/s", "600/min") or as a number per second.

    Raises:
        UsageError: It is no rate, or out of range; names the argument.
    """
    try:
        rate = parse_quantity(value, Dimension.RATE) if isinstance(value, str) else float(value)
    except UsageError as error:
        raise error.at(f"argument {name}") from None
    except (TypeError, ValueError):
        raise UsageError(f"{name} is no rate", value=value, allowed='"200/s" or a number per second') from None
    if not least <= rate <= _HIGHEST_RATE:
        raise UsageError(f"{name} is out of range", value=value, allowed=f"above 0, up to {_HIGHEST_RATE:,}/s")
    return rate
