"""What one benchmark gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Cell", "Goal", "Outcome"]

Cell = str | float | None
_EXACT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Something that has to hold.

    Attributes:
        text: What, without the figures: "CPU per request, × wrk".
        measured: What it came to; None when a peer was missing.
        limit: What it has to be at least, or at most.
        at_most: Whether the limit is the most.
    """

    text: str
    measured: float | None
    limit: float
    at_most: bool = False

    @property
    def held(self) -> bool:
        """Whether it does; what could not be measured does not."""
        if self.measured is None:
            return False
        return self.measured <= self.limit if self.at_most else self.measured >= self.limit

    def __str__(self) -> str:
        verdict = "held" if self.held else "missed" if self.measured is not None else "not measured"
        return f"{self.text} {'≤' if self.at_most else '≥'} {shown(self.limit)}: {shown(self.measured)}, **{verdict}**"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A table, what has to hold of it, and how it came about.

    Attributes:
        title: A headline.
        about: Markdown: what was measured and how, so that a reader can judge it.
        columns: Their headlines; the first names the row.
        rows: The cells; None where there is no figure, such as for a peer that is not installed.
        goals: What has to hold.
        picture: The column that is drawn as bars; empty for no picture.
    """

    title: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    goals: tuple[Goal, ...] = ()
    picture: str = ""

    def table(self) -> str:
        """The table in Markdown."""
        lines = [self.columns, ("---",) + ("--:",) * (len(self.columns) - 1)]
        lines += [tuple(map(shown, row)) for row in self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def to_dict(self) -> dict[str, Any]:
        """A JSON value."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Outcome:
        """The outcome that `to_dict` gave."""
        return cls(
            title=data["title"],
            about=data["about"],
            columns=tuple(data["columns"]),
            rows=tuple(map(tuple, data["rows"])),
            goals=tuple(Goal(**goal) for goal in data["goals"]),
            picture=data["picture"],
        )


def shown(cell: Cell) -> str:
    """A cell as text: three significant digits, or whole from 1,000 on."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    return f"{cell:,.0f}" if abs(cell) >= _EXACT else f"{cell:.3g}"
