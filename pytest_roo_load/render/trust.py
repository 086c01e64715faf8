"""Whether the latencies of a run can be trusted: the generators' health against the published limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_roo_load.core.validity import LIMITS
from pytest_roo_load.render import figures
from pytest_roo_load.render.marks import Mark, mark_of
from pytest_roo_load.render.reading import JSON
from pytest_roo_load.render.tables import Cell, Table, table

__all__ = ["JUDGED", "Trust", "trust"]

_GIVEN_UP = (mark_of("invalid"), "The run was given up: there are no latencies.")
JUDGED = (("lag_p95_s", LIMITS.lag_p95_s), ("starved", LIMITS.starved), ("cpu", LIMITS.cpu))


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
    unknown = [generator["name"] for generator in generators if any(generator.get(key) is None for key, _ in JUDGED)]
    if unknown:
        names = ", ".join(unknown)
        return mark_of("no data"), f"What could be looked at was within the limits, but not everything could ({names})."
    return mark_of("pass"), "The latencies can be trusted: every generator stayed within its limits."


def _table(generators: Sequence[JSON]) -> Table:
    limits = (figures.time(LIMITS.lag_p95_s), figures.share(LIMITS.starved), figures.share(LIMITS.cpu))
    rows: list[tuple[Cell | str, ...]] = [_row(generator) for generator in generators]
    rows.append(("limit", "", limits[0], "", limits[1], limits[2], ""))
    return table(
        "Generators in the steady phase",
        "generator | >process | >woke up late, p95 | >woke up late, most | >waited for a core | >used of a core"
        " | >longest garbage collection",
        rows if generators else (),
    )


def _row(generator: JSON) -> tuple[Cell | str, ...]:
    lag, starved, cpu = (_judged(generator.get(key), limit, key) for key, limit in JUDGED)
    return (
        generator["name"],
        str(generator.get("pid") or figures.MISSING),
        lag,
        figures.time(generator.get("lag_max_s")),
        starved,
        cpu,
        figures.time(generator.get("gc_pause_max_s")),
    )


def _judged(value: float | None, limit: float, key: str) -> Cell:
    text = figures.time(value) if key == "lag_p95_s" else figures.share(value)
    exceeded = value is not None and value > limit
    return Cell(text=text, note="over the limit" if exceeded else "", mark=mark_of("invalid") if exceeded else None)
