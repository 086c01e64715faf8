"""Load profiles: how many virtual users there are at each moment, as data.

A profile is a value that a test writes; its `plan()` is what generators carry out. A plan is a list of phases and a
list of steps, each "from this second on, so many users".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pytest_roo_load.core.units import Dimension, duration, format_quantity
from pytest_roo_load.errors import UsageError

__all__ = [
    "GRACEFUL_STOP_S", "STEADY", "WARM_UP", "ConstantUsers", "Iterations", "Phase", "Plan", "Profile", "Step",
    "constant_users", "iterations", "users_of",
]  # fmt: skip

WARM_UP = "warm_up"
STEADY = "steady"
GRACEFUL_STOP_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A named stretch of a profile, in seconds from the start of the load."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From `at_s` seconds on there are `users` virtual users."""

    at_s: float
    users: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What generators carry out.

    Attributes:
        phases: In order and without gaps; the load ends with the last.
        steps: In order of time.
        quota: Iterations to do in the steady phase, which ends when they are done; None when time alone ends it.
        graceful_stop_s: How long what is in flight at the end may take before it counts as interrupted.
    """

    phases: tuple[Phase, ...]
    steps: tuple[Step, ...]
    quota: int | None = None
    graceful_stop_s: float = GRACEFUL_STOP_S

    @property
    def duration_s(self) -> float:
        """Seconds from the start of the load to its planned end."""
        return self.phases[-1].end_s

    @property
    def peak_users(self) -> int:
        """The most users that the plan has at any moment."""
        return max(step.users for step in self.steps)

    def phase_at(self, second: float) -> str:
        """The name of the phase that this second of the load falls into; after the end, the last one's."""
        for phase in self.phases:
            if second < phase.end_s:
                return phase.name
        return self.phases[-1].name


def users_of(total: int, index: int, generators: int) -> range:
    """The ids that generator `index` of `generators` drives: every id once, shares that differ by one at most."""
    return range(index, total, generators)


class Profile(Protocol):
    """What `virtual_users.run` takes as its second argument."""

    def plan(self) -> Plan:
        """The phases and steps that make up the load."""

    def __str__(self) -> str:
        """The profile in words, for reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantUsers:
    """See `constant_users`."""

    users: int
    duration_s: float
    warm_up_s: float
    graceful_stop_s: float

    def plan(self) -> Plan:
        """Users start evenly over the first half of the warm-up, so that the second half is at full load already."""
        return Plan(
            phases=_phases(self.warm_up_s, self.duration_s),
            steps=_gentle_start(self.users, self.warm_up_s),
            graceful_stop_s=self.graceful_stop_s,
        )

    def __str__(self) -> str:
        return f"{self.users} users for {_text(self.duration_s)}{_warm_up_text(self.warm_up_s)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Iterations:
    """See `iterations`."""

    count: int
    users: int
    warm_up_s: float
    max_duration_s: float
    graceful_stop_s: float = field(default=GRACEFUL_STOP_S)

    def plan(self) -> Plan:
        """A steady phase that ends when all iterations are done, or after `max_duration_s`."""
        return Plan(
            phases=_phases(self.warm_up_s, self.max_duration_s),
            steps=_gentle_start(self.users, self.warm_up_s),
            quota=self.count,
            graceful_stop_s=self.graceful_stop_s,
        )

    def __str__(self) -> str:
        return f"{self.count} iterations by {self.users} users{_warm_up_text(self.warm_up_s)}"


def constant_users(
    users: int, duration: str | float, *, warm_up: str | float = 0, graceful_stop: str | float = GRACEFUL_STOP_S
) -> ConstantUsers:
    """A closed model: the same number of users from beginning to end, each starting anew as soon as it is done.

    Args:
        users: Number of virtual users, 1 to 1,000,000.
        duration: Length of the steady phase ("20 s", "2 min", or seconds).
        warm_up: Length of a phase before it that objectives do not look at; users start evenly over its first half.
        graceful_stop: How long what is in flight at the end may take before it counts as interrupted.

    Raises:
        UsageError: A value is out of range.
    """
    return ConstantUsers(
        users=_whole(users, "users"),
        duration_s=_positive(duration, "duration"),
        warm_up_s=_duration(warm_up, "warm_up"),
        graceful_stop_s=_duration(graceful_stop, "graceful_stop"),
    )


def iterations(
    count: int, *, users: int = 1, warm_up: str | float = 0, max_duration: str | float = "10 min"
) -> Iterations:
    """A closed model that ends when `count` iterations have been started and finished by `users` users together.

    Iterations done during `warm_up` do not count towards `count`. A run that reaches `max_duration` ends there.

    Raises:
        UsageError: A value is out of range.
    """
    return Iterations(
        count=_whole(count, "count", most=1_000_000_000),
        users=_whole(users, "users"),
        warm_up_s=_duration(warm_up, "warm_up"),
        max_duration_s=_positive(max_duration, "max_duration"),
    )


def _phases(warm_up_s: float, steady_s: float) -> tuple[Phase, ...]:
    steady = Phase(name=STEADY, start_s=warm_up_s, end_s=warm_up_s + steady_s)
    return (Phase(name=WARM_UP, start_s=0.0, end_s=warm_up_s), steady) if warm_up_s else (steady,)


def _gentle_start(users: int, warm_up_s: float) -> tuple[Step, ...]:
    if not warm_up_s:
        return (Step(at_s=0.0, users=users),)
    pause = warm_up_s / 2 / users
    return tuple(Step(at_s=number * pause, users=number + 1) for number in range(users))


def _whole(value: int, name: str, most: int = 1_000_000) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise UsageError(f"{name} is out of range", value=value, allowed=f"a whole number from 1 to {most:,}")
    return value


def _duration(value: str | float, name: str) -> float:
    return duration(value, name=name)


def _positive(value: str | float, name: str) -> float:
    result = duration(value, name=name)
    if not result:
        raise UsageError(f"{name} is out of range", value=value, allowed="more than 0 s")
    return result


def _text(value_s: float) -> str:
    return format_quantity(value_s, Dimension.TIME)


def _warm_up_text(warm_up_s: float) -> str:
    return f", after a warm-up of {_text(warm_up_s)}" if warm_up_s else ""
