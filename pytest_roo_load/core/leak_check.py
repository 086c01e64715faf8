"""Whether a process leaked during a run."""

from __future__ import annotations

from dataclasses import replace

from pytest_roo_load.core.consistency.finding import Finding, Problem
from pytest_roo_load.core.leak import Growth, LeakLimits, Points, growth_of
from pytest_roo_load.core.profiles import is_steady
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.target import meant
from pytest_roo_load.core.timeline import ProcessUse
from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError

__all__ = ["USES", "leak_in"]

USES = {"memory": ("memory_bytes", Dimension.SIZE, 4e6), "descriptors": ("descriptors", Dimension.COUNT, 20.0),
        "threads": ("threads", Dimension.COUNT, 5.0)}  # fmt: skip


def leak_in(result: Result, process: str, use: str, *, limits: LeakLimits | None, control: Result | None) -> Finding:
    """Whether what a process uses goes on growing in the steady phase of a run.

    The steady phase begins where the profile's warm-up ends; faults and recovering from them are left out.

    Args:
        result: The run.
        process: "target", "postgres", "redis" or another that was watched.
        use: "memory", "descriptors" or "threads".
        limits: None for the default ones.
        control: A run without load whose growth is taken off.

    Raises:
        UsageError: There is no such use, or the process was not watched.
    """
    if use not in USES:
        raise UsageError("no such use of a process", value=use, allowed=", ".join(USES), place="fixture leaks")
    process = meant(process, result.resources)
    if process not in result.resources:
        watched = ", ".join(result.resources) or "none was watched"
        raise UsageError("no such process in this run", value=process, allowed=watched, place="fixture leaks")
    chosen = limits or LeakLimits(growth=USES[use][2])
    masked = replace(chosen, masks=(*chosen.masks, *_disturbed(result)))
    idle = () if control is None else _points(control, process, use)
    growth = growth_of(_points(result, process, use), masked, control=idle)
    told = _allocations(result, process) if use == "memory" else ()
    return _finding(
        growth, f"the {use} of {process} {'does' if use == 'memory' else 'do'} not go on growing", USES[use][1], told
    )


def _points(result: Result, process: str, use: str) -> Points:
    seconds = [second for second in result.timeline if is_steady(second.phase)]
    found = [(second.t + 1.0, _value(second.resources.get(process), use)) for second in seconds]
    return [(at_s, value) for at_s, value in found if value is not None]


def _value(one: ProcessUse | None, use: str) -> float | None:
    value = None if one is None else getattr(one, USES[use][0])
    return None if value is None else float(value)


def _disturbed(result: Result) -> list[tuple[float, float]]:
    """From each fault's begin until recovery from it."""
    if not result.faults:
        return []
    begins = [record.began_s for record in result.faults if record.began_s is not None]
    ends = [one.from_s + one.seconds for one in result.recoveries if one.from_s is not None]
    return [(min(begins), max(ends, default=float("inf")))] if begins else []


def _allocations(result: Result, process: str) -> tuple[str, ...]:
    """Which lines of the process have allocated what it did not give back, or why that is not known."""
    if process in result.allocations:
        return tuple(result.allocations[process].lines(process))
    return ("no allocation sites: this run was started without --roo-allocations 3",)


def _finding(growth: Growth, promise: str, dimension: Dimension, told: tuple[str, ...]) -> Finding:
    note = _in_words(growth, dimension)
    problems = (Problem(kind="leak", text=note, details=told),) if growth.verdict is Verdict.FAIL else ()
    return Finding(
        promise=promise,
        verdict=growth.verdict,
        checked=growth.points,
        unknown=0,
        problems=problems,
        count=(("leak", 1),) if problems else (),
        note=note,
        noun="seconds",
    )


def _in_words(growth: Growth, dimension: Dimension) -> str:
    if growth.verdict is Verdict.NO_DATA:
        return f"{growth.points} seconds were looked at, where 16 is the least"
    shown = [format_quantity(abs(value), dimension) for value in (growth.total, growth.level)]
    sign = "-" if growth.total < 0 else ""
    span = format_quantity(growth.span_s, Dimension.TIME)
    likely = f"a chance of {growth.chance:.2g} without any trend"
    return f"troughs grew by {sign}{shown[0]} in {span} around {shown[1]}: {likely}"
