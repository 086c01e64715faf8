"""The few figures of a run that a reader looks for first, each with what was asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_roo_load.core.profiles import is_steady
from pytest_roo_load.core.target import TARGETS
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.render import figures
from pytest_roo_load.render.marks import Mark, mark_of
from pytest_roo_load.render.reading import JSON, steady, target_use

__all__ = ["KeyFigure", "key_figures"]

_SIGNS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "==": "="}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigure:
    """A name, its value, what was asked of it ("" when nothing was) and how it was judged."""

    name: str
    value: str
    note: str = ""
    mark: Mark | None = None


def key_figures(run: JSON) -> tuple[KeyFigure, ...]:
    """What the steady phase of a run came to; what was not measured is left out."""
    return tuple(
        _figure(run, name, metric, (value, dimension))
        for name, metric, value, dimension in _values(run)
        if value is not None
    )


def _values(run: JSON) -> Iterator[tuple[str, str, float | None, Dimension]]:
    phase = steady(run)
    statistics = phase.get("statistics") or {}
    target, use = target_use(run)
    yield "users", "users", phase.get("users"), Dimension.COUNT
    if phase.get("arrivals"):
        yield "arrivals", "arrivals", phase["arrivals"], Dimension.COUNT
        yield "dropped", "dropped", phase.get("dropped"), Dimension.COUNT
    yield "requests", "throughput", statistics.get("throughput"), Dimension.RATE
    yield "median", "p50", statistics.get("p50"), Dimension.TIME
    yield "95 % within", "p95", statistics.get("p95"), Dimension.TIME
    yield "99 % within", "p99", statistics.get("p99"), Dimension.TIME
    yield "errors", "error_rate", statistics.get("error_rate"), Dimension.RATIO
    if recoveries := run.get("recoveries"):
        times = [one["seconds"] for one in recoveries]
        yield "recovered within", "recovery_time", None if None in times else max(times), Dimension.TIME
    yield f"memory of {target}", "memory_peak", use.get("memory_peak"), Dimension.SIZE
    yield f"CPU of {target}", "cpu_mean", use.get("cpu_mean"), Dimension.RATIO


def _figure(run: JSON, name: str, metric: str, measured: tuple[float | None, Dimension]) -> KeyFigure:
    value, dimension = measured
    text = figures.quantity(value, dimension)
    for objective in run.get("objectives") or ():
        plain = objective["of"] in (None, *TARGETS) and is_steady(objective["phase"])
        if objective["metric"] == metric and plain and objective["measured"] == value:
            limit = f"{_SIGNS[objective['operator']]} {figures.quantity(objective['limit'], dimension)}"
            return KeyFigure(name=name, value=text, note=limit, mark=mark_of(objective["verdict"]))
    return KeyFigure(name=name, value=text)
