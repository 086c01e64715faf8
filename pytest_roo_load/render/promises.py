"""What checkers found: a table of promises, and the operations that break them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_roo_load.render import figures
from pytest_roo_load.render.marks import mark_of
from pytest_roo_load.render.reading import JSON
from pytest_roo_load.render.tables import Cell, Table, table

__all__ = ["Bar", "Counterexample", "History", "Promises", "promises"]

_MOST = 3
_HEADS = "~promise | verdict | >looked at | >with unknown outcome | ~what was found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One operation: its row, from when to when, and whether its outcome is known."""

    row: int
    began_s: float
    ended_s: float
    label: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Operations over time, a row for each client."""

    clients: tuple[str, ...]
    bars: tuple[Bar, ...]
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterexample:
    """One broken promise; `history` is None where no operations belong to it."""

    promise: str
    claim: str
    history: History | None
    events: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """The table of all promises of a test, and the first counterexamples of each that is broken."""

    table: Table
    problems: tuple[Counterexample, ...]


def promises(result: JSON) -> Promises:
    """What the result file of a test says of promises; empty where none was checked."""
    findings = result.get("findings") or []
    return Promises(
        table=table("What was promised", _HEADS, [_row(one) for one in findings]),
        problems=tuple(problem for one in findings for problem in _problems(one)),
    )


def _row(found: JSON) -> tuple[Cell | str, ...]:
    counts = ", ".join(f"{figures.count(number)} {kind}" for kind, number in (found.get("count") or {}).items())
    said = " · ".join(part for part in (counts, found.get("note") or "") if part)
    mark = Cell(mark=mark_of(found["verdict"]))
    return found["promise"], mark, figures.count(found["checked"]), figures.count(found["unknown"]), said


def _problems(found: JSON) -> Iterator[Counterexample]:
    for problem in found["problems"][:_MOST]:
        events = sorted(problem["events"], key=lambda event: event["began"])
        yield Counterexample(
            promise=found["promise"],
            claim=problem["text"],
            history=_history(events, problem["text"]) if events else None,
            events="\n".join([*(event["text"] for event in events), *problem.get("details", ())])
            or "none belong to it",
        )


def _history(events: list[JSON], text: str) -> History:
    clients = tuple(dict.fromkeys(event["client"] for event in events))
    start = events[0]["began"]
    bars = tuple(
        Bar(
            row=clients.index(event["client"]),
            began_s=event["began"] - start,
            ended_s=event["ended"] - start,
            label=_label(event["text"]),
            outcome=event["outcome"],
        )
        for event in events
    )
    return History(clients=clients, bars=bars, description=f"{text}. {'; '.join(event['text'] for event in events)}")


def _label(text: str) -> str:
    """What was done, without who did it and when."""
    return text.partition(": ")[2].rpartition(" [")[0]
