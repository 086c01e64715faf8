"""Closed profiles: so many users, each starting anew as soon as it is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_roo_load.core.profiles.plan import (
    COOL_DOWN,
    GRACEFUL_STOP_S,
    RAMP,
    RECOVERY,
    SPIKE,
    STEADY,
    WARM_UP,
    Plan,
    Step,
    phases_of,
    positive,
    whole,
)
from pytest_roo_load.core.units import Dimension, duration, format_quantity
from pytest_roo_load.errors import UsageError

__all__ = ["UsersProfile", "constant_users", "iterations", "ramping_users", "soak", "spike", "stairs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersSegment:
    """A stretch of a closed profile: its phase, its length, and its steps from its own begin on."""

    phase: str
    length_s: float
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersProfile:
    """A closed profile; made by the functions of this module.

    Attributes:
        text: In words.
        segments: One after another.
        quota: See `Plan`.
        graceful_stop_s: See `Plan`.
    """

    text: str
    segments: tuple[UsersSegment, ...]
    quota: int | None = None
    graceful_stop_s: float = GRACEFUL_STOP_S

    def __str__(self) -> str:
        return self.text

    def plan(self) -> Plan:
        """The segments one after another."""
        return Plan(
            phases=phases_of([(segment.phase, segment.length_s) for segment in self.segments]),
            steps=tuple(self._steps()),
            quota=self.quota,
            graceful_stop_s=self.graceful_stop_s,
        )

    def _steps(self) -> Iterator[Step]:
        start, users = 0.0, None
        for segment in self.segments:
            for step in segment.steps:
                if step.users != users:
                    yield Step(at_s=start + step.at_s, users=step.users)
                    users = step.users
            start += segment.length_s

    def then(self, other: UsersProfile) -> UsersProfile:
        """This profile, and the other one after it. A second phase of a name is told apart: "steady 2".

        Raises:
            UsageError: The other one is not closed, or one of them ends with its iterations.
        """
        if type(other) is not UsersProfile or self.quota is not None or other.quota is not None:
            raise UsageError(
                "these profiles cannot follow each other",
                value=f"{self} then {other}",
                allowed="closed profiles that end by time, such as ramping_users and constant_users",
            )
        return UsersProfile(
            text=f"{self}, then {other}",
            segments=(*self.segments, *other.segments),
            graceful_stop_s=other.graceful_stop_s,
        )


def constant_users(
    users: int, duration: str | float, *, warm_up: str | float = 0, graceful_stop: str | float = GRACEFUL_STOP_S
) -> UsersProfile:
    """The same number of users from beginning to end.

    Args:
        users: Number of virtual users, 1 to 1,000,000.
        duration: Length of the steady phase ("20 s", "2 min", or seconds).
        warm_up: Length of a phase before it that objectives do not look at; users start evenly over its first half.
        graceful_stop: How long what is in flight at the end may take before it counts as interrupted.

    Raises:
        UsageError: A value is out of range.
    """
    steady = _hold(STEADY, whole(users, "users"), positive(duration, "duration"))
    return UsersProfile(
        text=f"{users} users for {_text(steady.length_s)}{_after(warm_up)}",
        segments=(*_warm_up(users, warm_up), steady),
        graceful_stop_s=_seconds(graceful_stop, "graceful_stop"),
    )


def iterations(
    count: int, *, users: int = 1, warm_up: str | float = 0, max_duration: str | float = "10 min"
) -> UsersProfile:
    """Ends when `count` iterations have been started and finished by `users` users together.

    Iterations done during `warm_up` do not count towards `count`. A load that reaches `max_duration` ends there, and
    its result says so in `ended_early`.

    Raises:
        UsageError: A value is out of range.
    """
    steady = _hold(STEADY, whole(users, "users"), positive(max_duration, "max_duration"))
    return UsersProfile(
        text=f"{count} iterations by {users} users{_after(warm_up)}",
        segments=(*_warm_up(users, warm_up), steady),
        quota=whole(count, "count", most=1_000_000_000),
    )


def ramping_users(
    users: int, *, ramp: str | float, hold: str | float, start: int = 0, cool_down: str | float = 0
) -> UsersProfile:
    """From `start` users to `users`, evenly over `ramp`; then so many for `hold`; then to none over `cool_down`.

    The k-th change of a ramp of n changes is after k/n of its length. Phases: ramp, steady, cool_down.

    Raises:
        UsageError: A value is out of range.
    """
    ramp_s, down_s = positive(ramp, "ramp"), _seconds(cool_down, "cool_down")
    whole(users, "users"), whole(start, "start", least=0)
    down = (_slope(COOL_DOWN, users, 0, down_s),) if down_s else ()
    return UsersProfile(
        text=f"{start} to {users} users in {_text(ramp_s)}, then {_text(positive(hold, 'hold'))}",
        segments=(_slope(RAMP, start, users, ramp_s), _hold(STEADY, users, positive(hold, "hold")), *down),
    )


def stairs(first: int, last: int, *, by: int, each: str | float) -> UsersProfile:
    """From `first` users to `last` in steps of `by`, each held for `each`; every step is a phase: "20 users".

    Objectives that name no phase look at all steps together. The last step has `last` users even if `by` does not
    divide.

    Raises:
        UsageError: A value is out of range, or `last` is not above `first`.
    """
    each_s = positive(each, "each")
    whole(first, "first"), whole(by, "by")
    whole(last, "last", least=first + 1)
    levels = [*range(first, last, by), last]
    return UsersProfile(
        text=f"{first} to {last} users in steps of {by}, {_text(each_s)} each",
        segments=tuple(_hold(f"{users} users", users, each_s) for users in levels),
    )


def spike(users: int, peak: int, *, before: str | float, spike: str | float, after: str | float) -> UsersProfile:
    """`users` users, suddenly `peak`, and `users` again. Phases: steady, spike, recovery.

    Raises:
        UsageError: A value is out of range, or `peak` is not above `users`.
    """
    whole(users, "users")
    whole(peak, "peak", least=users + 1)
    spike_s = positive(spike, "spike")
    return UsersProfile(
        text=f"{users} users with a spike of {peak} for {_text(spike_s)}",
        segments=(
            _hold(STEADY, users, positive(before, "before")),
            _hold(SPIKE, peak, spike_s),
            _hold(RECOVERY, users, positive(after, "after")),
        ),
    )


def soak(users: int, duration: str | float, *, warm_up: str | float = "1 min") -> UsersProfile:
    """`constant_users` for a long time: with a warm-up of a minute unless told otherwise.

    Raises:
        UsageError: A value is out of range.
    """
    return constant_users(users, duration, warm_up=warm_up)


def _hold(phase: str, users: int, length_s: float) -> UsersSegment:
    return UsersSegment(phase=phase, length_s=length_s, steps=(Step(at_s=0.0, users=users),))


def _slope(phase: str, first: int, last: int, length_s: float) -> UsersSegment:
    changes = abs(last - first)
    sign = 1 if last > first else -1
    steps = (Step(at_s=length_s * k / changes, users=first + sign * k) for k in range(1, changes + 1))
    return UsersSegment(phase=phase, length_s=length_s, steps=(Step(at_s=0.0, users=first), *steps))


def _warm_up(users: int, length: str | float) -> tuple[UsersSegment, ...]:
    """Users start evenly over the first half, so that the second half is at full load already."""
    length_s = _seconds(length, "warm_up")
    if not length_s:
        return ()
    pause = length_s / 2 / users
    steps = tuple(Step(at_s=number * pause, users=number + 1) for number in range(users))
    return (UsersSegment(phase=WARM_UP, length_s=length_s, steps=steps),)


def _seconds(value: str | float, name: str) -> float:
    return duration(value, name=name)


def _text(value_s: float) -> str:
    return format_quantity(value_s, Dimension.TIME)


def _after(warm_up: str | float) -> str:
    warm_up_s = _seconds(warm_up, "warm_up")
    return f", after a warm-up of {_text(warm_up_s)}" if warm_up_s else ""
