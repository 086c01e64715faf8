"""Quantities as users write them ("20 s", "500 MB", "1000 requests/min") and as reports show them.

Inside the package every quantity is a float in its base unit: seconds, bytes, a ratio (0 to 1), operations per second.
MB is 10^6 bytes and MiB 2^20.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum

from pytest_roo_load.errors import UsageError

__all__ = ["Dimension", "duration", "format_quantity", "minutes", "parse_quantity", "seconds"]


class Dimension(Enum):
    """What a quantity measures; its value is the word used in messages."""

    TIME = "time"
    SIZE = "size"
    RATIO = "ratio"
    RATE = "rate"
    COUNT = "count"


# A unit is so many base units, or the reciprocal of that: both whole, so that 7 % equals 7 failures of 100 exactly.
_UNITS: dict[Dimension, dict[str, tuple[int, int]]] = {
    Dimension.TIME: {
        "us": (1, 10**6), "µs": (1, 10**6), "ms": (1, 1000), "s": (1, 1), "min": (60, 1), "h": (3600, 1),
    },
    Dimension.SIZE: {
        "B": (1, 1), "KB": (10**3, 1), "MB": (10**6, 1), "GB": (10**9, 1),
        "KiB": (2**10, 1), "MiB": (2**20, 1), "GiB": (2**30, 1),
    },
    Dimension.RATIO: {"%": (1, 100)},
    Dimension.RATE: {"/s": (1, 1), "/min": (1, 60), "requests/s": (1, 1), "requests/min": (1, 60)},
    Dimension.COUNT: {"": (1, 1)},
}  # fmt: skip
_HIGHEST = 1e300
_QUANTITY = re.compile(r"\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(.*?)\s*")


def parse_quantity(text: str, dimension: Dimension) -> float:
    """A number with a unit in the base unit of its dimension.

    Grammar: ``NUMBER [UNIT]``. Time: us, ms, s, min, h. Size: B, KB, MB, GB (powers of 1000), KiB, MiB, GiB. Ratio: %.
    Rate: /s, /min, requests/s, requests/min. A count has no unit; a bare 0 needs none anywhere.

    Raises:
        UsageError: The text is no number or none that a float can hold, or its unit is missing or of another dimension.
    """
    units = _UNITS[dimension]
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise UsageError("not a quantity", value=text, allowed=f"a number and one of {_listed(units)}")
    number, unit = match[1], match[2]
    if unit in units:
        return _scaled_up(number, *units[unit], text)
    if not unit and float(number) == 0:
        return 0.0
    problem = f"unit missing for a {dimension.value}" if not unit else f"not a unit of {dimension.value}"
    raise UsageError(problem, value=text.strip(), allowed=_listed(units), remedy=_suggestion(unit, units))


def _scaled_up(number: str, times: int, part: int, text: str) -> float:
    """Decimal arithmetic: the nearest float to the quantity as it was written."""
    if float(number) == 0:
        return 0.0
    result = float(Decimal(number) * times / part) if abs(float(number)) < _HIGHEST else float("inf")
    if abs(result) >= _HIGHEST:
        raise UsageError("number out of range", value=text.strip(), allowed=f"less than {_HIGHEST:g} in base units")
    return result


def _listed(units: Iterable[str]) -> str:
    return ", ".join(unit for unit in units if unit) or "a number without unit"


def _suggestion(word: str, units: Iterable[str]) -> str | None:
    """The longest unit that a single word begins with: "seconds" is s, "mb" is MB."""
    single = "" if " " in word else word.casefold()
    near = [unit for unit in units if unit and single.startswith(unit.casefold())]
    return f"did you mean {max(near, key=len)}?" if near else None


def duration(value: str | float, *, name: str = "duration") -> float:
    """Seconds of a duration given as text ("20 s", "2 min") or as a number of seconds; at least 0.

    Raises:
        UsageError: The value is negative, not finite, or no duration.
    """
    try:
        result = parse_quantity(value, Dimension.TIME) if isinstance(value, str) else float(value)
    except UsageError as error:
        raise error.at(f"argument {name}") from None
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{name} is no duration", value=value, allowed='"20 s" or a number of seconds') from None
    if not 0 <= result < float("inf"):
        raise UsageError(f"{name} is out of range", value=value, allowed="0 s or more")
    return result


def seconds(number: float) -> float:
    """`number` seconds: a word that makes an assertion on a duration readable."""
    return float(number)


def minutes(number: float) -> float:
    """`number` minutes in seconds."""
    return float(number) * 60


def format_quantity(value: float | None, dimension: Dimension) -> str:
    """The quantity as a person reads it, three significant digits: "12.3 ms", "412 MB", "0.24 %"; "–" for None."""
    if value is None:
        return "–"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "-∞"
    return _FORMATS[dimension](value)


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    magnitude = abs(value)
    if magnitude >= 100:  # noqa: PLR2004 - three digits before the point already
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return text if "e" not in text else f"{value:.2e}"


def _scaled(value: float, scales: tuple[tuple[float, str], ...]) -> str:
    for size, unit in scales:
        if abs(value) >= size * 0.9995:
            return f"{_three_digits(value / size)} {unit}"
    size, unit = scales[-1]
    return f"{_three_digits(value / size)} {unit}"


_TIME_SCALES = ((60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_SIZE_SCALES = ((1e9, "GB"), (1e6, "MB"), (1e3, "KB"), (1.0, "B"))
_FORMATS = {
    Dimension.TIME: lambda value: _scaled(value, _TIME_SCALES if abs(value) >= 600 else _TIME_SCALES[1:]),  # noqa: PLR2004
    Dimension.SIZE: lambda value: _scaled(value, _SIZE_SCALES),
    Dimension.RATIO: lambda value: f"{_three_digits(value * 100)} %",
    Dimension.RATE: lambda value: f"{_three_digits(value)}/s",
    Dimension.COUNT: lambda value: f"{value:,.0f}" if float(value).is_integer() else _three_digits(value),
}
