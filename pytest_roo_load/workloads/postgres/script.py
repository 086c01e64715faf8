r"""A file of SQL as a transaction, in the language of pgbench's scripts as far as it is spoken here.

::

    script    = { line }
    line      = "\set" NAME EXPRESSION         a variable of this transaction
              | SQL up to ";"                   sent with the values of :NAME in it as arguments
              | "--" comment
    EXPRESSION= INTEGER | "random(" LOW "," HIGH ")"   both bounds included
    LOW, HIGH = INTEGER | INTEGER "*" ":scale" | ":scale"

A script that begins with BEGIN and ends with END or COMMIT is one transaction, begun as it says: BEGIN ISOLATION LEVEL
SERIALIZABLE, START TRANSACTION READ ONLY. Of any other, each statement commits by itself.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Any

from pytest_roo_load.errors import UsageError
from pytest_roo_load.workloads.postgres.session import Session
from pytest_roo_load.workloads.postgres.transactions import Size

__all__ = ["BEGINS", "Script", "parse_script"]

_BOUND = r"\s*(?:(?P<{0}>-?\d+)(?P<{0}s>\s*\*\s*:scale)?|(?P<{0}o>:scale))\s*"
_SET = re.compile(
    rf"\\set\s+(?P<name>\w+)\s+(?:random\({_BOUND.format('low')},{_BOUND.format('high')}\)|(?P<value>-?\d+))"
)
_VARIABLE = re.compile(r"(?<!:):([A-Za-z_]\w*)")
_PIECES = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|;|[^'\";-]+|-", re.DOTALL)
_BEGINNING = re.compile(r"(BEGIN|START)(\s+(WORK|TRANSACTION))?\s*")
BEGINS = ("BEGIN", "START TRANSACTION")
_ENDS = ("END", "COMMIT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """A variable: a whole number from `low` to `high`, both included; `scaled` bounds are multiplied by the scale."""

    name: str
    low: int
    high: int
    scaled: tuple[bool, bool] = (False, False)

    def value(self, draw: random.Random, scale: int) -> int:
        """Another value."""
        low, high = (
            bound * scale if by else bound for bound, by in zip((self.low, self.high), self.scaled, strict=True)
        )
        return low + int(draw.random() * (high - low + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A statement with `$1` for its first variable, and where it stands."""

    sql: str
    variables: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A parsed script.

    Attributes:
        name: The file's.
        steps: Variables and statements in their order.
        begin: The statement that begins its transaction, which is left to whoever performs it, as is the end; None when
            each statement commits by itself.
    """

    name: str
    steps: tuple[Draw | Line, ...]
    begin: Line | None

    @property
    def lines(self) -> tuple[Line, ...]:
        """The statements."""
        return tuple(step for step in self.steps if isinstance(step, Line))

    @property
    def modes(self) -> str:
        """What it asks of its transaction, in capitals: "ISOLATION LEVEL SERIALIZABLE"; empty for a plain BEGIN."""
        return _BEGINNING.sub("", self.begin.sql.upper(), count=1) if self.begin else ""

    async def perform(self, session: Session, draw: random.Random, size: Size) -> int:
        """Send the statements; see `transactions.Body`."""
        values: dict[str, int] = {}
        for step in self.steps:
            if isinstance(step, Draw):
                values[step.name] = step.value(draw, size.branches)
            else:
                await session.fetch(step.sql, *(values[name] for name in step.variables))
        return 0

    def example(self, line: Line, scale: int) -> tuple[Any, ...]:
        """Arguments for a statement, the same every time."""
        draw = random.Random(0)
        values = {step.name: step.value(draw, scale) for step in self.steps if isinstance(step, Draw)}
        return tuple(values[name] for name in line.variables)


def parse_script(text: str, name: str) -> Script:
    """The script in a text.

    Raises:
        UsageError: Names file and line.
    """
    steps: list[Draw | Line] = []
    known: set[str] = set()
    for number, piece in _pieces(text, name):
        step = _step(piece, f"{name}:{number}", number, known)
        if isinstance(step, Draw):
            known.add(step.name)
        steps.append(step)
    lines = [step for step in steps if isinstance(step, Line)]
    if not lines:
        raise UsageError("no statement", value=name, allowed="SQL statements, each ended by ;", place=name)
    begins, ends = _is(lines[0].sql, BEGINS), _is(lines[-1].sql, _ENDS)
    if begins != ends:
        place = f"{name}:{lines[0 if begins else -1].line}"
        raise UsageError("half a transaction", value=lines[0].sql, allowed="BEGIN; ... COMMIT; or neither", place=place)
    if begins:
        steps = [step for step in steps if step is not lines[0] and step is not lines[-1]]
    return Script(name=name, steps=tuple(steps), begin=lines[0] if begins else None)


def _is(sql: str, words: tuple[str, ...]) -> bool:
    return sql.upper().split("ISOLATION")[0].strip().startswith(words)


def _pieces(text: str, name: str) -> list[tuple[int, str]]:
    r"""Line number and text of each `\set` and each statement; quoted text may hold anything."""
    found: list[tuple[int, str]] = []
    statement, began, line = "", 1, 1
    for part in _PIECES.findall(_sets_ended(text)):
        if part == ";":
            if statement.strip():
                found.append((began, statement.strip()))
            statement = ""
        elif not part.startswith("--"):
            if not statement.strip():
                began = line + part[: len(part) - len(part.lstrip())].count("\n")
            statement += part
        line += part.count("\n")
    if statement.strip():
        raise UsageError(
            "a statement has no end", value=statement.strip()[:60], allowed="; after it", place=f"{name}:{began}"
        )
    return found


def _sets_ended(text: str) -> str:
    r"""A `\set` ends with its line."""
    return re.sub(r"(?m)^(\s*\\set[^\n;]*)$", r"\1;", text)


def _step(piece: str, place: str, number: int, known: set[str]) -> Draw | Line:
    if piece.startswith("\\"):
        return _draw(piece, place)
    variables: list[str] = []

    def placed(match: re.Match[str]) -> str:
        if match[1] not in known:
            allowed = ", ".join(sorted(known)) or "none before"
            raise UsageError("a variable that is not set", value=f":{match[1]}", allowed=allowed, place=place)
        if match[1] not in variables:
            variables.append(match[1])
        return f"${variables.index(match[1]) + 1}"

    parts = re.split(r"('(?:[^']|'')*')", piece)
    sql = "".join(part if part.startswith("'") else _VARIABLE.sub(placed, part) for part in parts)
    return Line(sql=" ".join(sql.split()), variables=tuple(variables), line=number)


def _draw(piece: str, place: str) -> Draw:
    match = _SET.fullmatch(piece.strip())
    if match is None:
        raise UsageError(
            "not understood", value=piece, allowed=r"\set NAME random(1, 100000 * :scale), \set NAME 7", place=place
        )
    if match["value"] is not None:
        return Draw(name=match["name"], low=int(match["value"]), high=int(match["value"]))
    low, high = _bound(match, "low"), _bound(match, "high")
    if low[1] == high[1] and low[0] > high[0]:
        raise UsageError("an empty range", value=piece, allowed="random(LOW, HIGH), LOW not above HIGH", place=place)
    return Draw(name=match["name"], low=low[0], high=high[0], scaled=(low[1], high[1]))


def _bound(match: re.Match[str], name: str) -> tuple[int, bool]:
    if match[f"{name}o"] is not None:
        return 1, True
    return int(match[name]), match[f"{name}s"] is not None
