"""Fewer points that draw the same line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

__all__ = ["Point", "segments", "thin"]

Point = tuple[float, float]


def segments(points: Sequence[tuple[float, float | None]]) -> list[list[Point]]:
    """The stretches without gaps: a None ends one, so a line is never drawn across missing data."""
    result = []
    for present, stretch in groupby(points, key=lambda point: point[1] is not None):
        if present:
            result.append([(x, y) for x, y in stretch if y is not None])
    return result


def thin(points: Sequence[Point], *, column_width: float) -> list[Point]:
    """The lowest and the highest point of each column of `column_width`, and the first and last point of all.

    Points are in the order of x. What is left is a subset in the same order with the same extremes, so that a spike of
    a single second stays visible however long the run was.
    """
    kept: list[Point] = []
    for _, column in groupby(points, key=lambda point: point[0] // column_width):
        members = list(column)
        lowest = min(range(len(members)), key=lambda index: members[index][1])
        highest = max(range(len(members)), key=lambda index: members[index][1])
        kept.extend(members[index] for index in sorted({lowest, highest}))
    if kept and kept[0] != points[0]:
        kept.insert(0, points[0])
    if kept and kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept
