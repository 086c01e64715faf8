"""Figures as a report prints them; what is missing is a dash, never a number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pytest_roo_load.core.units import Dimension, format_quantity

__all__ = [
    "MISSING", "count", "elapsed", "interval", "margin", "moment", "per_minute", "plural", "quantity", "rate", "share",
    "size", "time",
]  # fmt: skip

MISSING = "–"
_MINUTE, _HOUR = 60, 3600


def quantity(value: float | None, dimension: Dimension) -> str:
    """A quantity of any dimension."""
    return time(value) if dimension is Dimension.TIME else format_quantity(value, dimension)


def time(value: float | None) -> str:
    """Seconds: "12.3 ms"."""
    return "0 s" if value == 0 else format_quantity(value, Dimension.TIME)


def size(value: float | None) -> str:
    """Bytes: "412 MB"."""
    return format_quantity(value, Dimension.SIZE)


def share(value: float | None) -> str:
    """A ratio: "0.24 %"."""
    return format_quantity(value, Dimension.RATIO)


def rate(value: float | None) -> str:
    """A number per second: "41.2/s"."""
    return format_quantity(value, Dimension.RATE)


def per_minute(value: float | None) -> str:
    """A number per second as one per minute: "2,472/min"."""
    return MISSING if value is None else f"{format_quantity(value * _MINUTE, Dimension.COUNT)}/min"


def count(value: float | None) -> str:
    """A number of things: "12,345"."""
    return format_quantity(value, Dimension.COUNT)


def interval(bounds: Sequence[float | None] | None, dimension: Dimension) -> str:
    """A confidence interval: "11 ms to 13 ms"; one without an upper end says that there were too few samples."""
    if bounds is None or bounds[0] is None:
        return MISSING
    low, high = bounds
    if high is None:
        return f"from {quantity(low, dimension)}, too few samples"
    return f"{quantity(low, dimension)} to {quantity(high, dimension)}"


def margin(value: float | None) -> str:
    """How far inside the limit, as a share of it: "+99.6 %" inside, "−12 %" outside."""
    if value is None:
        return MISSING
    return f"{'−' if value < 0 else '+'}{share(abs(value))}"


def elapsed(seconds: float | None) -> str:
    """A length of time in the units that people say: "45 s", "7 min 13 s", "2 h 5 min"."""
    if seconds is None:
        return MISSING
    if seconds < _MINUTE:
        return time(seconds)
    whole = round(seconds)
    hours, minutes, rest = whole // _HOUR, whole % _HOUR // _MINUTE, whole % _MINUTE
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest} s" if rest else ""]
    return " ".join(part for part in parts if part)


def moment(text: str | None) -> str:
    """A date and time in ISO 8601 as "2026-11-23 22:15:00 UTC"; ValueError when it is none."""
    return MISSING if text is None else datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S %Z").strip()


def plural(number: int, noun: str) -> str:
    """A number and its noun: "1 test", "5 tests"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
