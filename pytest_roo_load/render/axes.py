"""Axes: a scale with ticks that are round in the unit in which they are labelled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.render.scales import Linear, Scale, linear_over, log_over

__all__ = ["Axis", "Tick", "count_axis", "elapsed_axis", "log_axis", "suited_axis", "value_axis"]

_TICKS, _TIME_TICKS = 5, 6
_LOG_FROM = 30.0  # a time axis is logarithmic when the highest value is this many times the lowest
_UNITS: dict[Dimension, tuple[tuple[float, str], ...]] = {
    Dimension.TIME: ((1.0, " s"), (1e-3, " ms"), (1e-6, " µs")),
    Dimension.SIZE: ((1e9, " GB"), (1e6, " MB"), (1e3, " KB"), (1.0, " B")),
    Dimension.RATIO: ((0.01, " %"),),
    Dimension.RATE: ((1.0, "/s"),),
    Dimension.COUNT: ((1.0, ""),),
}
_ELAPSED = ((3600.0, "hours", 7200.0), (60.0, "minutes", 120.0), (1.0, "seconds", 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A value of the axis and what is written beside it."""

    value: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A scale, its ticks, what it shows in words ("" when the labels say it), and what a reader must know about it."""

    scale: Scale
    ticks: tuple[Tick, ...]
    title: str = ""
    note: str = ""


def _labelled(values: Iterable[float], unit: tuple[float, str]) -> tuple[Tick, ...]:
    size, name = unit
    return tuple(Tick(value=value * size, label=f"{value:,.10g}{name}") for value in values)


def value_axis(highest: float, dimension: Dimension) -> Axis:
    """From zero to a round value not below `highest`, in the unit that suits it."""
    units = _UNITS[dimension]
    unit = next((unit for unit in units if highest >= unit[0]), units[-1])
    whole = 1.0 if dimension is Dimension.COUNT else 0.0
    scaled = linear_over(highest / unit[0], most=_TICKS, smallest_step=whole)
    ticks = [value for value in scaled.ticks(_TICKS) if dimension is not Dimension.COUNT or value.is_integer()]
    return Axis(scale=Linear(low=0.0, high=scaled.high * unit[0]), ticks=_labelled(ticks, unit))


def count_axis(values: Sequence[float], title: str) -> Axis:
    """A horizontal axis for numbers of things: from zero, with a tick at each value that occurs."""
    scale = linear_over(max(values), most=_TICKS, smallest_step=1.0)
    return Axis(
        scale=scale,
        ticks=tuple(Tick(value=value, label=format_quantity(value, Dimension.COUNT)) for value in sorted(set(values))),
        title=title,
    )


def log_axis(lowest: float, highest: float, dimension: Dimension, title: str = "") -> Axis:
    """Over positive values, logarithmic; each tick in the unit that suits it."""
    scale = log_over(lowest, highest)
    return Axis(
        scale=scale,
        ticks=tuple(Tick(value=value, label=format_quantity(value, dimension)) for value in scale.ticks(_TICKS)),
        title=title,
        note="Logarithmic scale.",
    )


def suited_axis(values: Sequence[float], dimension: Dimension) -> Axis:
    """For values of which a reader wants to see the lowest as well: times that differ much on a logarithmic axis."""
    lowest, highest = min(values), max(values)
    if dimension is Dimension.TIME and lowest > 0 and highest >= _LOG_FROM * lowest:
        return log_axis(lowest, highest, dimension)
    return value_axis(highest, dimension)


def elapsed_axis(end_s: float) -> Axis:
    """Time since the start of the load, up to exactly `end_s` > 0, in seconds, minutes or hours."""
    size, word, _ = next(unit for unit in _ELAPSED if end_s > unit[2])
    scaled = Linear(low=0.0, high=end_s / size)
    return Axis(
        scale=Linear(low=0.0, high=end_s),
        ticks=_labelled(scaled.ticks(_TIME_TICKS), (size, "")),
        title=f"{word} since the start of the load",
    )
