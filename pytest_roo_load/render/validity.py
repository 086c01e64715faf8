"""All runs of a report and whether their latencies can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_roo_load.render import figures
from pytest_roo_load.render.marks import mark_of
from pytest_roo_load.render.measurement import anchor_of, heading_of
from pytest_roo_load.render.reading import JSON
from pytest_roo_load.render.tables import Cell, Table, table
from pytest_roo_load.render.trust import JUDGED, trust

__all__ = ["validity"]


def validity(results: Sequence[JSON]) -> Table:
    """Every run and whether its latencies can be trusted, with the worst that any of its generators had."""
    rows = (_validity(number, result, run) for number, result in enumerate(results, 1) for run in result["runs"])
    return table(
        "Can the latencies be trusted?",
        "test | can be | >woke up late, p95 | >waited for a core | >used of a core | ~why not",
        rows,
    )


def _validity(number: int, result: JSON, run: JSON) -> tuple[Cell | str, ...]:
    answer = trust(run)
    worst = [
        max((one[key] for one in run.get("generators") or () if one.get(key) is not None), default=None)
        for key, _ in JUDGED
    ]
    several = f"run {run['number']}" if len(result["runs"]) > 1 else ""
    return (
        Cell(text=heading_of(result), note=several, anchor=anchor_of(number)),
        Cell(mark=answer.mark),
        figures.time(worst[0]),
        figures.share(worst[1]),
        figures.share(worst[2]),
        " ".join(answer.problems) or ("" if answer.mark == mark_of("pass") else answer.sentence),
    )
