"""What generators carry out: phases, and either steps of users or a rate of arrivals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_roo_load.core.profiles.arrivals import RateSegment
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.core.trace import Recorded
from pytest_roo_load.core.units import duration
from pytest_roo_load.errors import UsageError

__all__ = [
    "GRACEFUL_STOP_S",
    "STEADY",
    "WARM_UP",
    "Arrivals",
    "Phase",
    "Plan",
    "Profile",
    "Steering",
    "Step",
    "is_steady",
    "named_like",
    "users_of",
]

WARM_UP = "warm_up"
STEADY = "steady"
RAMP = "ramp"
COOL_DOWN = "cool_down"
SPIKE = "spike"
RECOVERY = "recovery"
GRACEFUL_STOP_S = 10.0
_TRANSIENT = frozenset({WARM_UP, RAMP, COOL_DOWN, SPIKE, RECOVERY, "fault"})


def is_steady(phase: str) -> bool:
    """Whether objectives that name no phase look at a phase of this name.

    They look at "steady" and at steps with names of their own; not at warm_up, ramp, spike, recovery, fault or
    cool_down, nor at a second one of these ("ramp 2").
    """
    return _kind(phase) not in _TRANSIENT


def named_like(phase: str, kind: str) -> bool:
    """Whether a phase is of a kind: "spike" and "spike 2" are spikes."""
    return _kind(phase) == kind


def _kind(phase: str) -> str:
    return re.sub(r" \d+$", "", phase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A named stretch of a profile, in seconds from the start of the load.

    Attributes:
        broken: Whether something is broken on purpose at its begin.
    """

    name: str
    start_s: float
    end_s: float
    broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From `at_s` seconds on there are `users` virtual users."""

    at_s: float
    users: int


class Steering(Protocol):
    """Decides a rate of arrivals while the load runs."""

    @property
    def start(self) -> float:
        """The first rate, per second."""

    @property
    def window(self) -> int:
        """How many of the last seconds it looks at."""

    def next_rate(self, rate: float, seconds: Sequence[Second]) -> float:
        """The rate that follows a rate, given the last seconds of all generators together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Iterations that begin at moments of their own, whatever became of earlier ones.

    Attributes:
        segments: The rate over time, in order and without gaps.
        users: Users that are set up when the load begins.
        max_users: The most that there ever are; an arrival that finds none of them free is dropped.
        requests: What each arrival is for and when it is due, in place of segments.
        steering: What decides the rate while the load runs, in place of segments.
    """

    segments: tuple[RateSegment, ...]
    users: int
    max_users: int
    requests: tuple[Recorded, ...] = ()
    steering: Steering | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What generators carry out.

    Attributes:
        phases: In order and without gaps; the load ends with the last.
        steps: In order of time; empty in an open plan.
        quota: Iterations to do in the steady phase, which ends when they are done; None when time alone ends it.
        arrivals: What an open plan has instead of steps.
        graceful_stop_s: How long what is in flight at the end may take before it counts as interrupted.
    """

    phases: tuple[Phase, ...]
    steps: tuple[Step, ...] = ()
    quota: int | None = None
    arrivals: Arrivals | None = None
    graceful_stop_s: float = GRACEFUL_STOP_S

    @property
    def duration_s(self) -> float:
        """Seconds from the start of the load to its planned end."""
        return self.phases[-1].end_s

    @property
    def peak_users(self) -> int:
        """The most users that the plan can have at any moment."""
        return self.arrivals.max_users if self.arrivals else max(step.users for step in self.steps)

    @property
    def steady_phases(self) -> tuple[Phase, ...]:
        """The phases that objectives look at."""
        return tuple(phase for phase in self.phases if is_steady(phase.name))

    def phase_at(self, second: float) -> str:
        """The name of the phase that this second of the load falls into; after the end, the last one's."""
        for phase in self.phases:
            if second < phase.end_s:
                return phase.name
        return self.phases[-1].name


class Profile(Protocol):
    """What `virtual_users.run` takes as its second argument."""

    def plan(self) -> Plan:
        """The phases and steps that make up the load."""

    def __str__(self) -> str:
        """The profile in words, for reports."""


def users_of(total: int, index: int, generators: int) -> range:
    """The ids that generator `index` of `generators` drives: every id once, shares that differ by one at most."""
    return range(index, total, generators)


def named_apart(names: list[str]) -> list[str]:
    """The names, a second one of a kind as "ramp 2" and so on."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return result


def phases_of(lengths: list[tuple[str, float]]) -> tuple[Phase, ...]:
    """Phases one after another, from their names and lengths; those of the same name are told apart."""
    phases, start = [], 0.0
    for name, (_, length) in zip(named_apart([name for name, _ in lengths]), lengths, strict=True):
        phases.append(Phase(name=name, start_s=start, end_s=start + length))
        start += length
    return tuple(phases)


def whole(value: int, name: str, *, least: int = 1, most: int = 1_000_000) -> int:
    """The value, if it is a whole number in range.

    Raises:
        UsageError: It is not; names the argument.
    """
    if type(value) is not int or not least <= value <= most:
        raise UsageError(f"{name} is out of range", value=value, allowed=f"a whole number from {least} to {most:,}")
    return value


def positive(value: str | float, name: str) -> float:
    """Seconds of a duration above 0.

    Raises:
        UsageError: It is no duration, or 0; names the argument.
    """
    result = duration(value, name=name)
    if not result:
        raise UsageError(f"{name} is out of range", value=value, allowed="more than 0 s")
    return result
