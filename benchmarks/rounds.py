"""Interleaved rounds: contenders take turns, so that a machine whose speed drifts is unfair to nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

__all__ = ["Readings", "interleaved", "middle", "ratio"]

Reading = Mapping[str, float]
Readings = Mapping[str, Sequence[Reading]]


def interleaved(contenders: Mapping[str, Callable[[], Reading] | None], rounds: int) -> Readings:
    """What each contender gave in each round; nothing for one that is None, because it is not installed."""
    readings: dict[str, list[Reading]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            if contender is not None:
                readings[name].append(contender())
    return readings


def middle(readings: Readings, name: str, what: str) -> float | None:
    """The median of the rounds; None when there are none."""
    values = [reading[what] for reading in readings[name]]
    return median(values) if values else None


def ratio(readings: Readings, names: tuple[str, str], what: str) -> float | None:
    """The median over the rounds of the first contender's figure divided by the second's in the same round."""
    first, second = (readings[name] for name in names)
    quotients = [one[what] / other[what] for one, other in zip(first, second, strict=False)]
    return median(quotients) if quotients else None
