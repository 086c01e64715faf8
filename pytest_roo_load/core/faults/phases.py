"""The phases `fault` and `recovery`, put into the plan of a load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from pytest_roo_load.core.faults.schedule import Schedule
from pytest_roo_load.core.profiles.plan import RECOVERY, Phase, Plan, is_steady, named_apart
from pytest_roo_load.errors import UsageError

__all__ = ["FAULT", "with_faults"]

FAULT = "fault"


def with_faults(plan: Plan, schedule: Schedule) -> Plan:
    """The plan with the phases of a schedule.

    From the planned begin to the planned end of a fault the phase is "fault", whatever it was. From there to the next
    fault or the end of the load it is "recovery" where it was steady. A fault that is there to stay has no phase of
    its own: recovery begins with it.

    Raises:
        UsageError: Nothing is broken, something only when the load is over, or the load's end is not known beforehand.
    """
    if not schedule.faults:
        raise UsageError("no fault", value=str(schedule), allowed='a schedule such as faults.at("5 s").kill("redis")')
    if plan.quota is not None:
        raise UsageError("a load with faults must end by time", value="iterations", allowed="any other profile")
    late = [fault for fault in schedule.faults if max(fault.at_s, fault.until_s or 0) >= plan.duration_s]
    if late:
        allowed = f"moments before the end of the load, second {plan.duration_s:g}"
        raise UsageError("a fault begins or ends when the load is over", value=str(schedule), allowed=allowed)
    return replace(plan, phases=tuple(_phases(plan, _windows(schedule))))


def _windows(schedule: Schedule) -> list[tuple[float, float]]:
    """Begin and end of each stretch in which something is broken, in order; those that touch are one."""
    windows: list[tuple[float, float]] = []
    for fault in schedule.faults:
        end = fault.at_s if fault.until_s is None else fault.until_s
        if windows and fault.at_s <= windows[-1][1]:
            windows[-1] = windows[-1][0], max(windows[-1][1], end)
        else:
            windows.append((fault.at_s, end))
    return windows


def _phases(plan: Plan, windows: list[tuple[float, float]]) -> Iterator[Phase]:
    edges = {edge for phase in plan.phases for edge in (phase.start_s, phase.end_s)}
    edges |= {edge for window in windows for edge in window}
    parts = [(begin, end, _name(plan, windows, begin)) for begin, end in pairwise(sorted(edges))]
    merged: list[tuple[float, float, str]] = []
    for begin, end, name in parts:
        if merged and merged[-1][2] == name:
            merged[-1] = merged[-1][0], end, name
        else:
            merged.append((begin, end, name))
    names = named_apart([name for _, _, name in merged])
    for (begin, end, _), name in zip(merged, names, strict=True):
        yield Phase(name=name, start_s=begin, end_s=end, broken=any(begin == window[0] for window in windows))


def _name(plan: Plan, windows: list[tuple[float, float]], moment: float) -> str:
    if any(begin <= moment < end for begin, end in windows):
        return FAULT
    planned = plan.phase_at(moment)
    return RECOVERY if is_steady(planned) and windows[0][0] <= moment else planned
