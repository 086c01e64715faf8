"""Schedules made of schedules: again and again, or at random moments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from pytest_roo_load.core.faults.schedule import Schedule
from pytest_roo_load.core.profiles.plan import positive, whole
from pytest_roo_load.core.units import duration
from pytest_roo_load.errors import UsageError

__all__ = ["random_schedule", "repeated"]


def repeated(schedule: Schedule, *, times: int, every: str | float) -> Schedule:
    """The same faults again, each time `every` later.

    Raises:
        UsageError: There are none, or they would begin again before they have ended.
    """
    every_s, count = positive(every, "every"), whole(times, "times", most=10_000)
    begin_s, length_s = _extent(schedule)
    if count > 1 and every_s <= length_s:
        allowed = f"more than the {length_s:g} s that they last"
        raise UsageError("faults would begin again before they have ended", value=every, allowed=allowed)
    return _joined(_moved(schedule, begin_s + number * every_s) for number in range(count))


def random_schedule(
    menu: Sequence[Schedule], *, count: int, between: tuple[str | float, str | float], random: Random
) -> Schedule:
    """So many of the menu, drawn with replacement, one after another at random moments; never two at once.

    Args:
        menu: Schedules; of each only what follows its first fault matters, and how long it takes.
        count: How many are drawn.
        between: From the first moment at which something may begin to the last at which something may end.
        random: Where randomness comes from.

    Raises:
        UsageError: The menu has nothing, or what was drawn does not fit.
    """
    begin_s, end_s = (duration(moment, name="between") for moment in between)
    if not menu or any(not one.faults for one in menu):
        raise UsageError("nothing to choose from", value=menu, allowed="schedules with a fault")
    chosen = [random.choice(menu) for _ in range(whole(count, "count", most=10_000))]
    lengths = [_extent(one)[1] for one in chosen]
    free_s = end_s - begin_s - sum(lengths)
    if free_s <= 0:
        allowed = f"more than {sum(lengths):g} s for what was drawn"
        raise UsageError("the faults do not fit", value=between, allowed=allowed)
    pauses = sorted(random.uniform(0, free_s) for _ in chosen)
    moments = [begin_s + pause + sum(lengths[:place]) for place, pause in enumerate(pauses)]
    return _joined(_moved(one, moment) for one, moment in zip(chosen, moments, strict=True))


def _extent(schedule: Schedule) -> tuple[float, float]:
    """When it begins, and how long it goes on."""
    if not schedule.faults:
        raise UsageError("no fault", value=str(schedule), allowed="a schedule with a fault")
    begin_s = min(fault.at_s for fault in schedule.faults)
    return begin_s, max(fault.until_s or fault.at_s for fault in schedule.faults) - begin_s


def _moved(schedule: Schedule, begin_s: float) -> Schedule:
    by_s = begin_s - _extent(schedule)[0]
    return Schedule(
        faults=tuple(
            replace(fault, at_s=fault.at_s + by_s, until_s=None if fault.until_s is None else fault.until_s + by_s)
            for fault in schedule.faults
        ),
        last_s=schedule.last_s + by_s,
    )


def _joined(parts: Iterable[Schedule]) -> Schedule:
    whole_schedule = Schedule()
    for part in parts:
        for fault in part.faults:
            whole_schedule = whole_schedule.with_fault(fault)
    return whole_schedule
