"""Whether a load should end before its planned end, decided second by second."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from pytest_roo_load.core.profiles.plan import is_steady
from pytest_roo_load.core.sla.objective import AT_THE_END, Objective, Subject
from pytest_roo_load.core.sla.windows import window_value
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.errors import UsageError

__all__ = ["EarlyEnd", "EndWatch", "check_condition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyEnd:
    """When to end early.

    Attributes:
        until: End as soon as this holds; None for never.
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


class EndWatch:
    """Sees every second of a load, in order, and says when it should end.

    A condition with `over 5 s` looks at the last five seconds. Without, `until` looks at the last second, and an
    objective at the steady phase so far; throughput, count and users cannot be broken that way, for they may yet grow.
    """

    def __init__(self, wanted: EarlyEnd) -> None:
        self._wanted = wanted
        self._recent: deque[Second] = deque(maxlen=max(map(_length, _conditions(wanted)), default=1))
        self._so_far: list[tuple[Objective, Second]] = [
            (objective, Second(t=0, phase="")) for objective in wanted.broken if _decidable(objective)
        ]

    def __repr__(self) -> str:
        return f"<EndWatch with {len(self._recent)} seconds in sight>"

    def observe(self, second: Second) -> str | None:
        """Why the load should end now; None when it should go on."""
        self._recent.append(second)
        until = self._wanted.until
        if until is not None and self._holds(until):
            return f"ended at second {second.t + 1}, for {until.text}"
        for objective, sums in self._so_far:
            if is_steady(second.phase):
                sums.merge(second)
            if second.t + 1 > self._wanted.grace_s and self._is_broken(objective, sums):
                return f"ended at second {second.t + 1}, for {objective.text} was broken"
        return None

    def _holds(self, until: Objective) -> bool:
        window = self._window(until)
        value = window_value(until, window) if window else None
        return value is not None and until.holds(value)

    def _is_broken(self, objective: Objective, sums: Second) -> bool:
        if objective.over_s is not None:
            window = self._window(objective)
            value = window_value(objective, window) if window and is_steady(window[0].phase) else None
        elif objective.metric.latency or objective.metric.name == "error_rate":
            value = window_value(objective, [sums])
        else:
            return False
        return value is not None and not objective.holds(value)

    def _window(self, objective: Objective) -> list[Second]:
        """The last seconds that the objective looks at; empty as long as there are too few."""
        length = _length(objective)
        return list(self._recent)[-length:] if len(self._recent) >= length else []


def _conditions(wanted: EarlyEnd) -> list[Objective]:
    return [*wanted.broken, *([wanted.until] if wanted.until else [])]


def _length(objective: Objective) -> int:
    return int(objective.over_s or 1)
