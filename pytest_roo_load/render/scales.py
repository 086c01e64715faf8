"""From values to places on an axis, and the round values at which it gets ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Linear", "Log", "Scale", "linear_over", "log_over", "nice_step"]

_MANTISSAS = (1, 2, 5, 10)
_TOLERANCE = 1e-9
_FEW_DECADES, _MANY_DECADES = 3, 6


class Scale(Protocol):
    """Places values between 0 (the low end) and 1 (the high end)."""

    @property
    def low(self) -> float:
        """The value at the low end."""

    @property
    def high(self) -> float:
        """The value at the high end."""

    def share(self, value: float) -> float:
        """Where the value lies: 0 at `low`, 1 at `high`, beyond them outside."""

    def ticks(self, most: int) -> tuple[float, ...]:
        """Round values from `low` to `high`, ascending."""


def _round(value: float) -> float:
    return float(f"{value:.12g}")


def nice_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 5 times a power of ten that divides `span` > 0 into at most `most` parts."""
    rough = span / most
    power = math.floor(math.log10(rough))
    return next(_round(m * 10.0**power) for m in _MANTISSAS if m * 10.0**power >= rough * (1 - _TOLERANCE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """Equal distances for equal differences; `low` < `high`."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """See `Scale`."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int) -> tuple[float, ...]:
        """Multiples of a nice step, at most `most` + 1 of them."""
        step = nice_step(self.high - self.low, most)
        first = math.ceil(self.low / step - _TOLERANCE)
        last = math.floor(self.high / step + _TOLERANCE)
        return tuple(_round(number * step) for number in range(first, last + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Equal distances for equal ratios; 0 < `low` < `high`."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """See `Scale`; what is not positive lies at the low end."""
        if value <= 0:
            return 0.0
        return math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self, most: int) -> tuple[float, ...]:  # noqa: ARG002 - the decades decide
        """Powers of ten; with their double and fivefold when they are few, only some of them when they are many."""
        decades = math.log10(self.high / self.low)
        mantissas = _MANTISSAS[:3] if decades <= _FEW_DECADES else _MANTISSAS[:1]
        stride = 1 if decades <= _MANY_DECADES else 2
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1, stride)
        values = (_round(m * 10.0**power) for power in powers for m in mantissas)
        slack = 1 + _TOLERANCE
        return tuple(value for value in values if self.low / slack <= value <= self.high * slack)


def linear_over(highest: float, *, most: int, smallest_step: float = 0.0) -> Linear:
    """A scale from zero to the first tick that is not below `highest`; to 1 when there is nothing above zero."""
    if highest <= 0:
        return Linear(low=0.0, high=1.0)
    step = max(nice_step(highest, most), smallest_step)
    return Linear(low=0.0, high=_round(math.ceil(highest / step - _TOLERANCE) * step))


def log_over(lowest: float, highest: float) -> Log:
    """A scale over positive values, widened to 1, 2 or 5 times a power of ten at both ends."""
    low, high = _down(lowest), _up(highest)
    return Log(low=low, high=high if high > low else _up(low * 1.5))


def _down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return _round(max(m * power for m in (0.5, *_MANTISSAS) if m * power <= value * (1 + _TOLERANCE)))


def _up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return _round(min(m * power for m in (*_MANTISSAS, 20) if m * power >= value * (1 - _TOLERANCE)))
