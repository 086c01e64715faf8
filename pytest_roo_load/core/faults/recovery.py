"""Recovery time: from the end of a fault until the service level holds again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from pytest_roo_load.core.faults.fault import FaultRecord
from pytest_roo_load.core.profiles.plan import is_steady
from pytest_roo_load.core.sla.objective import AT_THE_END, Objective, Subject
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.sla.windows import value_with_dropped, window_value
from pytest_roo_load.core.timeline import Second

__all__ = ["WINDOWS", "Never", "Recovery", "broken", "judged_by", "recoveries"]

WINDOWS = 3  # seconds in a row
_LATER = AT_THE_END | {"count"}
_DEFAULT = "error_rate < 1 %"  # of a test without objectives that a second can be judged by


class Never(float):
    """An infinite recovery time, which says why."""

    def __new__(cls, _reason: str) -> Self:
        """Infinity, whatever the reason."""
        return super().__new__(cls, math.inf)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return Never, (self.reason,)

    def __repr__(self) -> str:
        return f"<never recovered: {self.reason}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What came after one fault, or several that left no room for recovery between them.

    Attributes:
        from_s: When the last of them was over, in seconds of the load; None when it was not.
        seconds: Until the first of three seconds in a row that hold; a `Never` when there are none.
    """

    from_s: float | None
    seconds: float


def judged_by(objectives: Iterable[Objective]) -> tuple[Objective, ...]:
    """Those of the steady phase that a single second can be judged by; else fewer than 1 % errors."""
    found = tuple(
        objective
        for objective in objectives
        if objective.metric.subject is not Subject.PROCESS
        and objective.metric.name not in _LATER
        and is_steady(objective.phase)
    )
    return found or (parse_objective(_DEFAULT, "default of recovery"),)


def recoveries(
    records: Sequence[FaultRecord], seconds: Iterable[Second], objectives: Iterable[Objective]
) -> tuple[Recovery, ...]:
    """What came after each fault that took hold, in order.

    The windows are the whole seconds of the load, from the one on in which the fault was over; so the resolution is
    one second, and what nobody noticed has a recovery time of 0. A window in which no operation ended does not hold,
    whatever is asked; an upper limit of a latency holds in one only if it would with the arrivals dropped there.
    """
    asked = judged_by(objectives)
    verdicts = [(second.t, broken(second, asked)) for second in seconds]
    return tuple(_recovery(group, until_s, verdicts) for group, until_s in _groups(records))


def _groups(records: Sequence[FaultRecord]) -> list[tuple[list[FaultRecord], float]]:
    """Faults with no room for three windows between them, together; and when the next group begins."""
    held = sorted((one for one in records if one.took_hold), key=lambda one: one.began_s or 0.0)
    groups: list[list[FaultRecord]] = []
    for record in held:
        if groups and _room(groups[-1], record) <= WINDOWS:
            groups[-1].append(record)
        else:
            groups.append([record])
    begins = [group[0].began_s or 0.0 for group in groups]
    return list(zip(groups, [*begins, math.inf][1:], strict=True))


def _room(group: Sequence[FaultRecord], following: FaultRecord) -> float:
    ends = [math.inf if record.over_s is None else record.over_s for record in group]
    return math.floor(following.began_s or 0.0) - math.ceil(max(ends)) if max(ends) < math.inf else 0.0


def _recovery(group: Sequence[FaultRecord], until_s: float, verdicts: Sequence[tuple[int, str]]) -> Recovery:
    ends = [record.over_s for record in group]
    known = [end for end in ends if end is not None]
    if len(known) < len(ends):
        return Recovery(from_s=None, seconds=Never("a fault had not ended when the load did"))
    end_s = max(known)
    streak, last = 0, "the load ended too early to tell"
    for t, broken in verdicts:
        if t + 1 <= end_s or t + 1 > until_s:
            continue
        streak, last = (0, f"second {t}: {broken}") if broken else (streak + 1, last)
        if streak == WINDOWS:
            return Recovery(from_s=end_s, seconds=max(0.0, t + 1 - WINDOWS - end_s))
    return Recovery(from_s=end_s, seconds=Never(last))


def broken(second: Second, objectives: Sequence[Objective]) -> str:
    """Why a second does not hold; empty when it does."""
    if not any(one.ok.count or one.failed for one in second.operations.values()):
        return "no operation ended"
    for objective in objectives:
        value = value_with_dropped(objective, [second])
        if value is None and objective.of is None:
            return f"nothing to judge {objective.text} by"
        if value is not None and not objective.holds(value):
            dropped = f", {second.dropped} arrivals were dropped" if second.dropped else ""
            return f"{objective.text} was {objective.shown(window_value(objective, [second]))}{dropped}"
    return ""
