"""Whether a load should end before its planned end, decided second by second."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from pytest_roo_load.core.profiles.plan import STEADY, is_steady, named_like
from pytest_roo_load.core.sla.objective import AT_THE_END, Objective, Subject
from pytest_roo_load.core.sla.windows import window_value
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.errors import UsageError

__all__ = ["EarlyEnd", "EndWatch", "check_condition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyEnd:
    """When to end early.

    Attributes:
        until: End as soon as this holds, in the phase that it names or in any; None for never.
        broken: Objectives that end the load once they are broken.
        grace_s: Seconds of the load in which nothing counts as broken yet.
    """

    until: Objective | None = None
    broken: tuple[Objective, ...] = ()
    grace_s: float = 0.0


def check_condition(objective: Objective) -> Objective:
    """The objective, if it can be decided while a load runs.

    Raises:
        UsageError: It is about a process, or about something that is known at the end only.
    """
    if not _decidable(objective):
        allowed = "a latency, error_rate, throughput, count or users, with or without 'over'"
        raise UsageError("cannot be decided while the load runs", value=objective.text, allowed=allowed)
    return objective


def _decidable(objective: Objective) -> bool:
    metric = objective.metric
    known_late = metric.subject is Subject.PROCESS or metric.name in AT_THE_END
    return not known_late and objective.for_s is None


@dataclass(slots=True, kw_only=True)
class _SoFar:
    """What an objective has seen of the phase that it looks at; of several alike, of the last one."""

    objective: Objective
    part: str | None = None
    sums: Second = field(default_factory=lambda: Second(t=0, phase=""))

    def add(self, second: Second) -> None:
        part = _part(self.objective, second.phase)
        if part is None:
            return
        if part != self.part:
            self.part, self.sums = part, Second(t=0, phase=part)
        self.sums.merge(second)


class EndWatch:
    """Sees every second of a load, in order, and says when it should end.

    A condition with `over 5 s` looks at the last five seconds. Without, `until` looks at the last second, and an
    objective at its phase so far; throughput, count and users cannot be broken that way, for they may yet grow. All
    look at seconds of their phase only. It is the steady one where none is named, but for `until` the whole load.
    """

    def __init__(self, wanted: EarlyEnd) -> None:
        self._wanted = wanted
        self._recent: deque[Second] = deque(maxlen=max(map(_length, _conditions(wanted)), default=1))
        self._so_far = [_SoFar(objective=objective) for objective in wanted.broken if _decidable(objective)]

    def __repr__(self) -> str:
        return f"<EndWatch with {len(self._recent)} seconds in sight>"

    def observe(self, second: Second) -> str | None:
        """Why the load should end now; None when it should go on."""
        self._recent.append(second)
        until = self._wanted.until
        if until is not None and self._holds(until):
            return f"ended at second {second.t + 1}, for {until.text}"
        for so_far in self._so_far:
            so_far.add(second)
            if second.t + 1 > self._wanted.grace_s and self._is_broken(so_far):
                return f"ended at second {second.t + 1}, for {so_far.objective.text} was broken"
        return None

    def _holds(self, until: Objective) -> bool:
        window = self._last(until)
        if until.phase_named and not _is_of_one_phase(until, window):
            return False
        value = window_value(until, window) if window else None
        return value is not None and until.holds(value)

    def _is_broken(self, so_far: _SoFar) -> bool:
        objective = so_far.objective
        if objective.over_s is not None:
            window = self._last(objective)
            value = window_value(objective, window) if _is_of_one_phase(objective, window) else None
        elif objective.metric.latency or objective.metric.name == "error_rate":
            value = window_value(objective, [so_far.sums])
        else:
            return False
        return value is not None and not objective.holds(value)

    def _last(self, objective: Objective) -> list[Second]:
        """So many seconds as the objective looks at; empty as long as there are too few."""
        length = _length(objective)
        return list(self._recent)[-length:] if len(self._recent) >= length else []


def _part(objective: Objective, phase: str) -> str | None:
    """What the judge takes a phase for when it looks at the objective: all steady ones are one; None for no part."""
    if objective.phase == STEADY:
        return STEADY if is_steady(phase) else None
    alike = not is_steady(objective.phase) and named_like(phase, objective.phase)
    return phase if alike or phase == objective.phase else None


def _is_of_one_phase(objective: Objective, window: Sequence[Second]) -> bool:
    parts = {_part(objective, second.phase) for second in window}
    return len(parts) == 1 and None not in parts


def _conditions(wanted: EarlyEnd) -> list[Objective]:
    return [*wanted.broken, *([wanted.until] if wanted.until else [])]


def _length(objective: Objective) -> int:
    return int(objective.over_s or 1)
