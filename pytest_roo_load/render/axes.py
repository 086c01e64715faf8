"""Axes: a scale with ticks that are round in the unit in which they are labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.render.scales import Linear, Scale, linear_over, log_over

__all__ = ["Axis", "Tick", "count_axis", "elapsed_axis", "log_axis", "value_axis"]

_TICKS = 5
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
    """A scale, its ticks, and what it shows in words ("" when the labels say it)."""

    scale: Scale
    ticks: tuple[Tick, ...]
    title: str = ""


def _labelled(scaled: Scale, unit: tuple[float, str]) -> tuple[Tick, ...]:
    size, name = unit
    return tuple(Tick(value=value * size, label=f"{value:,.10g}{name}") for value in scaled.ticks(_TICKS))


def value_axis(highest: float, dimension: Dimension) -> Axis:
    """From zero to a round value not below `highest`, in the unit that suits it."""
    units = _UNITS[dimension]
    unit = next((unit for unit in units if highest >= unit[0]), units[-1])
    whole = 1.0 if dimension is Dimension.COUNT else 0.0
    scaled = linear_over(highest / unit[0], most=_TICKS, smallest_step=whole)
    return Axis(scale=Linear(low=0.0, high=scaled.high * unit[0]), ticks=_labelled(scaled, unit))


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
    )


def elapsed_axis(end_s: float) -> Axis:
    """Time since the start of the load, up to exactly `end_s` > 0, in seconds, minutes or hours."""
    size, word, _ = next(unit for unit in _ELAPSED if end_s > unit[2])
    scaled = Linear(low=0.0, high=end_s / size)
    return Axis(
        scale=Linear(low=0.0, high=end_s),
        ticks=_labelled(scaled, (size, "")),
        title=f"{word} since the start of the load",
    )
