"""Whether a process leaked during a run."""

from __future__ import annotations

from dataclasses import replace

from pytest_roo_load.core.consistency.finding import Finding, Problem
from pytest_roo_load.core.leak import MEMORY, Growth, LeakLimits, Points, growth_of
from pytest_roo_load.core.profiles import is_steady
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.suggestion import did_you_mean
from pytest_roo_load.core.target import meant
from pytest_roo_load.core.timeline import ProcessUse, Second
from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError

__all__ = ["USES", "leak_in"]

USES = {
    "memory": ("memory_bytes", Dimension.SIZE, MEMORY),
    "unique memory": ("unique_bytes", Dimension.SIZE, MEMORY),
    "descriptors": ("descriptors", Dimension.COUNT, 20.0),
    "connections": ("connections", Dimension.COUNT, 20.0),
    "threads": ("threads", Dimension.COUNT, 5.0),
    "tasks": ("tasks", Dimension.COUNT, 20.0),
}
_MEMORY = ("memory", "unique memory")
_UNKNOWN = {
    "tasks": (
        "no process has told how many it has: that takes --roo-tasks, and a Python program that this run has started "
        "(the embedded server, or by own_server)"
    )
}


def leak_in(result: Result, process: str, use: str, *, limits: LeakLimits | None, control: Result | None) -> Finding:
    """Whether what a process uses goes on growing in the steady phase of a run.

    The steady phase begins where the profile's warm-up ends; faults and recovering from them are left out, and so is
    the graceful stop, in which nothing is asked of the process.

    Args:
        result: The run.
        process: "target", "postgres", "redis" or another that was watched.
        use: One of `USES`.
        limits: None for the default ones.
        control: A run without load whose growth is taken off.

    Raises:
        UsageError: There is no such use, or the process was not watched.
    """
    process = _meant(result, process, use)
    _, dimension, floor = USES[use]
    chosen = limits or LeakLimits()
    masked = replace(
        chosen,
        growth=floor if chosen.growth is None else chosen.growth,
        masks=(*chosen.masks, *_disturbed(result)),
    )
    idle = () if control is None else _points(control, process, use)
    points = _points(result, process, use)
    growth = growth_of(points, masked, control=idle)
    told = _allocations(result, process) if use in _MEMORY else ()
    if growth.verdict is Verdict.NO_DATA:
        note = _too_few(growth, use, known=len(points), seconds=len(_steady_seconds(result)))
    else:
        note = _in_words(growth, dimension)
    return _finding(
        growth, f"the {use} of {process} {'does' if use in _MEMORY else 'do'} not go on growing", note, told
    )


def _meant(result: Result, process: str, use: str) -> str:
    """The name of the process in this result.

    Raises:
        UsageError: It was not watched, or there is no such use.
    """
    if use not in USES:
        raise UsageError(
            "no such use of a process",
            value=use,
            allowed=", ".join(USES),
            place="fixture leaks",
            remedy=did_you_mean(use, USES),
        )
    process = meant(process, result.resources)
    if process not in result.resources:
        watched = ", ".join(result.resources) or "none was watched"
        raise UsageError("no such process in this run", value=process, allowed=watched, place="fixture leaks")
    return process


def _points(result: Result, process: str, use: str) -> Points:
    seconds = _steady_seconds(result)
    found = [(second.t + 1.0, _value(second.resources.get(process), use)) for second in seconds]
    return [(at_s, value) for at_s, value in found if value is not None]


def _steady_seconds(result: Result) -> list[Second]:
    return [second for second in result.under_load() if is_steady(second.phase)]


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


def _finding(growth: Growth, promise: str, note: str, told: tuple[str, ...]) -> Finding:
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


def _too_few(growth: Growth, use: str, *, known: int, seconds: int) -> str:
    """Why it cannot be said whether it leaks, where it was known for some of the steady phase's seconds."""
    if seconds and not known:
        return _UNKNOWN.get(use, "the system did not tell")
    seldom = f"; it was known in {known} of {seconds}" if known < seconds else ""
    return f"{growth.points} seconds were looked at, where 16 is the least{seldom}"


def _in_words(growth: Growth, dimension: Dimension) -> str:
    shown = [format_quantity(abs(value), dimension) for value in (growth.total, growth.level)]
    sign = "-" if growth.total < 0 else ""
    span = format_quantity(growth.span_s, Dimension.TIME)
    likely = f"a chance of {growth.chance:.2g} without any trend"
    return f"troughs grew by {sign}{shown[0]} in {span} around {shown[1]}: {likely}"
