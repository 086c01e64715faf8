"""Fewer points that draw the same line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

__all__ = ["Point", "segments", "thin", "thin_together"]

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


def thin_together(
    times: Sequence[float], lines: Sequence[Sequence[float | None]], *, most: int
) -> tuple[list[float], list[list[float | None]], float]:
    """Lines over the same times, thinned to about `most` points each; the answer's last part is a column's length.

    A column gets two points that hold the lowest and the highest value of each line in it, in the order in which they
    came. A column in which a line has a gap and nothing else keeps the gap. Few enough points stay as they are, with 0.
    """
    if len(times) <= most:
        return list(times), [list(line) for line in lines], 0.0
    length = (times[-1] - times[0]) / (most // 2)
    columns = [list(members) for _, members in groupby(range(len(times)), lambda index: times[index] // length)]
    kept = [times[index] for members in columns for index in (members[0], members[-1])]
    return kept, [[value for members in columns for value in _extremes(line, members)] for line in lines], length


def _extremes(line: Sequence[float | None], members: Sequence[int]) -> tuple[float | None, float | None]:
    """The lowest and the highest value of a column in the order in which they came."""
    present = [(value, index) for index in members if (value := line[index]) is not None]
    if not present:
        return None, None
    low, high = min(present), max(present)
    return (low[0], high[0]) if low[1] <= high[1] else (high[0], low[0])
