"""Tables as values: what they say, not how they look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_roo_load.render.marks import Mark

__all__ = ["Cell", "Column", "Table", "columns", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One field of a table.

    Attributes:
        text: What it says.
        note: A smaller line below it.
        anchor: The id of the place in the document that it links to.
        mark: A verdict, shown before the text.
        detail: A longer text that unfolds; `unfolded` when it is to be seen at once.
        code: Whether the text is something that a program would read.
    """

    text: str = ""
    note: str = ""
    anchor: str = ""
    mark: Mark | None = None
    detail: str = ""
    unfolded: bool = False
    code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The head of a column; numbers stand at its right edge, prose may be broken into lines."""

    title: str
    numeric: bool = False
    prose: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A caption, the columns, and rows of which the first cell is the head."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def columns(text: str) -> tuple[Column, ...]:
    """Columns by their titles, separated by "|": `>` before a title makes it numeric, `~` prose."""
    return tuple(
        Column(title=title.strip().lstrip(">~"), numeric=title.strip()[:1] == ">", prose=title.strip()[:1] == "~")
        for title in text.split("|")
    )


def table(caption: str, heads: str, rows: Iterable[Iterable[Cell | str]]) -> Table:
    """A table whose cells may be given as plain text; `heads` is for `columns`."""
    return Table(
        caption=caption,
        columns=columns(heads),
        rows=tuple(tuple(cell if isinstance(cell, Cell) else Cell(text=cell) for cell in row) for row in rows),
    )
