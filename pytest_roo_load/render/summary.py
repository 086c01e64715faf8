"""The table of all tests, one row per run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_roo_load.render import figures
from pytest_roo_load.render.marks import mark_of
from pytest_roo_load.render.measurement import anchor_of, mark_of_test
from pytest_roo_load.render.reading import JSON, nested, steady, target_use
from pytest_roo_load.render.tables import Cell, Table, table

__all__ = ["summary"]

_HEADS = (
    "scenario | verdict | >users | >per second | >per minute | >p50 | >p95 | >p99 | >error rate"
    " | >CPU of the target | >memory of the target"
)


def summary(results: Sequence[JSON]) -> Table:
    """Results in the order in which their sections come; the numbers of requirements only where there are any."""
    rows = [row for number, result in enumerate(results, 1) for row in _rows(number, result)]
    if not any(nested(result["test"], "scenario", "requirement") for result in results):
        return table("All tests", _HEADS, [row[1:] for row in rows])
    return table("All tests", f">no. | {_HEADS}", rows)


def _rows(number: int, result: JSON) -> Iterator[tuple[Cell | str, ...]]:
    runs = result["runs"]
    test = result["test"]
    title = nested(test, "scenario", "title") or test["name"]
    requirement = nested(test, "scenario", "requirement")
    first = "" if requirement is None else str(requirement)
    without: tuple[JSON, ...] = ({},)
    for place, run in enumerate(runs or without, 1):
        several = f"run {run['number']} of {len(runs)}" if len(runs) > 1 else ""
        searched = _searched(result) if place == 1 else ""
        parts = (test["name"] if test["name"] != title else "", several, searched)
        note = " · ".join(part for part in parts if part)
        mark = mark_of(run["verdict"]) if several else mark_of_test(result)
        link = Cell(text=title, note=note, anchor=anchor_of(number) + (f"-run-{place}" if several else ""))
        yield (first, link, Cell(mark=mark), *_figures(run))


def _searched(result: JSON) -> str:
    """The capacities that a test has found."""
    rates = [search["rate"] for search in result.get("capacities") or ()]
    return ", ".join(
        f"capacity {figures.rate(rate).removesuffix('/s')} arrivals/s" for rate in rates if rate is not None
    )


def _figures(run: JSON) -> tuple[str, ...]:
    phase = steady(run)
    statistics = phase.get("statistics") or {}
    _, use = target_use(run)
    return (
        figures.count(phase.get("users")),
        figures.rate(statistics.get("throughput")),
        figures.per_minute(statistics.get("throughput")),
        *(figures.time(statistics.get(name)) for name in ("p50", "p95", "p99")),
        figures.share(statistics.get("error_rate")),
        figures.share(use.get("cpu_mean")),
        figures.size(use.get("memory_peak")),
    )
