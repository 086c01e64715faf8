"""Data that virtual users take row by row, no row by two users.

A feed is a constant that travels with the journey; its rows are read where they are used, once per generator.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_roo_load.errors import FeedExhausted, UsageError

__all__ = ["Feed", "csv_feed", "json_lines_feed", "made_feed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Rows by number; made by the functions of this module.

    Attributes:
        path: The file of the rows, or None.
        kind: "csv" or "json lines", of a file.
        make: Gives the row of a number, without a file.
        repeat: Whether the first row follows the last.
    """

    path: str | None = None
    kind: str = ""
    make: Callable[[int], Any] | None = None
    repeat: bool = False

    def row(self, number: int) -> Any:
        """The row of a number, from 0.

        Raises:
            FeedExhausted: There are not so many, and they do not repeat.
        """
        if self.make is not None:
            return self.make(number)
        rows = _rows(str(self.path), self.kind)
        if number >= len(rows) and not self.repeat:
            raise FeedExhausted(
                f"{self.path} has {len(rows)} rows, and row {number + 1} was asked for: rows go to users by their "
                "numbers, whatever their journeys are, and no row is given twice unless the feed has repeat=True"
            )
        return rows[number % len(rows)]


def csv_feed(path: str | Path, *, repeat: bool = False) -> Feed:
    """Rows of a CSV file with a head line; each is a mapping from column to text.

    Args:
        path: The file; relative to the folder in which pytest runs.
        repeat: Begin again after the last row; else the user that asks for one more gets `FeedExhausted`.

    Raises:
        UsageError: No such file, or it has no row.
    """
    return _checked(Feed(path=str(Path(path).absolute()), kind="csv", repeat=repeat))


def json_lines_feed(path: str | Path, *, repeat: bool = False) -> Feed:
    """Rows of a file with one JSON value per line; empty lines are passed over. See `csv_feed`.

    Raises:
        UsageError: No such file, it has no row, or a line is not JSON.
    """
    return _checked(Feed(path=str(Path(path).absolute()), kind="json lines", repeat=repeat))


def made_feed(make: Callable[[int], Any]) -> Feed:
    """Rows that a function of their number makes: the same number must give the same row on every generator.

    Raises:
        UsageError: It cannot be called.
    """
    if not callable(make):
        raise UsageError("not a function", value=make, allowed="a function from a number to a row")
    return Feed(make=make)


def _checked(feed: Feed) -> Feed:
    place = str(feed.path)
    try:
        rows = _rows(place, feed.kind)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError("cannot be read", value=str(error), allowed=f"a {feed.kind} file", place=place) from error
    if not rows:
        raise UsageError("no rows", value=feed.path, allowed=f"a {feed.kind} file with a row at least", place=place)
    return feed


@lru_cache(maxsize=32)
def _rows(path: str, kind: str) -> tuple[Any, ...]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        if kind == "csv":
            return tuple(_without_rest(row) for row in csv.DictReader(file))
        return tuple(_parsed(line, f"{path}:{number}") for number, line in enumerate(file, 1) if line.strip())


def _without_rest(row: Mapping[str | None, Any]) -> dict[str, str]:
    """A row's named columns; a short row has empty ones."""
    return {name: value or "" for name, value in row.items() if name is not None}


def _parsed(line: str, place: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise UsageError("not JSON", value=line.strip()[:80], allowed="one JSON value per line", place=place) from error
