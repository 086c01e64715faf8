"""All runs of a report and whether their latencies can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_roo_load.core.capacity import Outcome
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.core.validity import CHECKS
from pytest_roo_load.render import figures
from pytest_roo_load.render.marks import mark_of
from pytest_roo_load.render.measurement import anchor_of, heading_of
from pytest_roo_load.render.reading import JSON, steady
from pytest_roo_load.render.tables import Cell, Table, table
from pytest_roo_load.render.trust import trust

__all__ = ["validity"]


def validity(results: Sequence[JSON]) -> Table:
    """Every run and whether its latencies can be trusted, with the worst that any of its generators had."""
    rows = [
        row
        for number, result in enumerate(results, 1)
        for row in (
            *(_search(number, result, search) for search in result.get("capacities") or ()),
            *(_validity(number, result, run) for run in result["runs"]),
        )
    ]
    return table(
        "Can the latencies be trusted?",
        "test | can be"
        + "".join(f" | >{check.title}" for check in CHECKS)
        + " | >arrivals dropped | >seen in flight | >rate × latency | ~why not, and what to know",
        rows,
    )


def _validity(number: int, result: JSON, run: JSON) -> tuple[Cell | str, ...]:
    answer = trust(run)
    law = steady(run).get("little") or {}
    reasons = [*answer.problems] or ([] if answer.mark == mark_of("pass") else [answer.sentence])
    several = f"run {run['number']}" if len(result["runs"]) > 1 else ""
    return (
        Cell(text=heading_of(result), note=several, anchor=anchor_of(number)),
        Cell(mark=answer.mark),
        *(figures.quantity(_worst(run, check.key), check.dimension) for check in CHECKS),
        figures.share(_worst(run, "dropped")),
        *(figures.quantity(law.get(key), Dimension.COUNT) for key in ("inside", "explained")),
        " ".join([*reasons, *(run.get("warnings") or ())]),
    )


def _search(number: int, result: JSON, search: JSON) -> tuple[Cell | str, ...]:
    """A search goes by the steps that can be trusted; the others were repeated, or ended it."""
    steps = search["steps"]
    invalid = [step["reason"] for step in steps if step["outcome"] == Outcome.INVALID.value]
    told = (
        f"{len(invalid)} of {figures.plural(len(steps), 'step')} could not be trusted: {invalid[-1]}" if invalid else ""
    )
    mark = mark_of("pass" if search["rate"] is not None or not invalid else "invalid")
    missing = [figures.MISSING] * (len(CHECKS) + 3)
    return Cell(text=heading_of(result), note="search", anchor=anchor_of(number)), Cell(mark=mark), *missing, told


def _worst(run: JSON, key: str) -> float | None:
    """The most that any generator of a run had."""
    return max((one[key] for one in run.get("generators") or () if one.get(key) is not None), default=None)
