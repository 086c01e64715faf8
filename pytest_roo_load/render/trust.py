"""Whether the latencies of a run can be trusted: the generators' health against the published limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_roo_load.core.validity import CHECKS, LIMITS, Check
from pytest_roo_load.render import figures
from pytest_roo_load.render.marks import Mark, mark_of
from pytest_roo_load.render.reading import JSON
from pytest_roo_load.render.tables import Cell, Table, table

__all__ = ["Trust", "trust"]

_GIVEN_UP = (mark_of("invalid"), "The run was given up: there are no latencies.")
_EXPECTED = ("lag_p95_s", "starved", "cpu")  # what every generator can look at, whatever its profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The answer in plain words, the reasons, and the figures it stands on."""

    mark: Mark
    sentence: str
    problems: tuple[str, ...]
    generators: Table


def trust(run: JSON) -> Trust:
    """What the generators of a run say about its latencies."""
    generators = run.get("generators") or ()
    problems = tuple(run.get("problems") or ())
    mark, sentence = _answer(generators, problems) if run.get("phases") else _GIVEN_UP
    return Trust(mark=mark, sentence=sentence, problems=problems, generators=_table(generators))


def _answer(generators: Sequence[JSON], problems: Sequence[str]) -> tuple[Mark, str]:
    if problems:
        return mark_of("invalid"), "The latencies cannot be trusted: what they show may be the generator's own delay."
    if not generators:
        return mark_of(
            "no data"
        ), "Nothing tells whether the latencies can be trusted: no generator reported its health."
    unknown = [generator["name"] for generator in generators if any(generator.get(key) is None for key in _EXPECTED)]
    if unknown:
        names = ", ".join(unknown)
        return mark_of("no data"), f"What could be looked at was within the limits, but not everything could ({names})."
    return mark_of("pass"), "The latencies can be trusted: every generator stayed within its limits."


def _table(generators: Sequence[JSON]) -> Table:
    rows: list[tuple[Cell | str, ...]] = [_row(generator) for generator in generators]
    rows.append(("limit", "", *(check.shown(getattr(LIMITS, check.key)) for check in CHECKS), "", "", ""))
    judged = "".join(f" | >{check.title}" for check in CHECKS)
    return table(
        "Generators in the steady phase",
        f"generator | >process{judged} | >woke up late, most | >longest garbage collection | >arrivals dropped",
        rows if generators else (),
    )


def _row(generator: JSON) -> tuple[Cell | str, ...]:
    return (
        generator["name"],
        str(generator.get("pid") or figures.MISSING),
        *(_judged(check, generator.get(check.key)) for check in CHECKS),
        figures.time(generator.get("lag_max_s")),
        figures.time(generator.get("gc_pause_max_s")),
        figures.share(generator.get("dropped")),
    )


def _judged(check: Check, value: float | None) -> Cell:
    exceeded = value is not None and value > getattr(LIMITS, check.key)
    mark = mark_of("invalid") if exceeded else None
    return Cell(text=figures.quantity(value, check.dimension), note="over the limit" if exceeded else "", mark=mark)
