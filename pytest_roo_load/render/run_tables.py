"""The tables of one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_roo_load.core.units import Dimension
from pytest_roo_load.render import figures
from pytest_roo_load.render.marks import mark_of
from pytest_roo_load.render.reading import JSON, own_phases, steady
from pytest_roo_load.render.seconds import Seconds
from pytest_roo_load.render.tables import Cell, Table, table

__all__ = [
    "checks", "errors", "facts", "fairness", "faults", "groups", "objectives", "operations", "phases",
    "resources", "slowest", "steady_state", "values",
]  # fmt: skip

_TIMED = "| >ended | >per second | >p50 | >p90 | >p95 | >p99 | >max | >failed | >error rate"


def objectives(run: JSON) -> Table:
    """What was promised and what was measured."""
    return table(
        "Service level",
        "objective | >measured | >95 % confidence | >limit | >margin | >samples | verdict | ~why, and where it was set",
        (_objective(objective) for objective in run.get("objectives") or ()),
    )


def _objective(objective: JSON) -> tuple[Cell | str, ...]:
    dimension = Dimension(objective["dimension"])
    return (
        Cell(text=objective["text"], code=True),
        figures.quantity(objective["measured"], dimension),
        figures.interval(objective["interval"], dimension),
        f"{objective['operator']} {figures.quantity(objective['limit'], dimension)}",
        figures.margin(objective["margin"]),
        figures.count(objective["samples"]),
        Cell(mark=mark_of(objective["verdict"])),
        Cell(text=objective.get("reason") or "", note=objective.get("source") or ""),
    )


def faults(run: JSON) -> Table:
    """What was broken on purpose, and when the service level held again."""
    heads = "fault | >planned at | >began | >ended | >recovered after | ~how it was seen to have taken hold"
    return table("Faults", heads, (_fault(fault, run.get("recoveries") or ()) for fault in run.get("faults") or ()))


def steady_state(run: JSON) -> Table:
    """In how many seconds the service level held before, during and after the faults."""
    rows = (
        (one["name"], figures.count(one["seconds"]), figures.count(one["held"]), Cell(text=one["first_broken"]))
        for one in run.get("steady_state") or ()
    )
    return table(
        "Service level before, during and after faults", "when | >seconds | >held | ~first second that did not", rows
    )


def _fault(fault: JSON, recoveries: Sequence[JSON]) -> tuple[Cell | str, ...]:
    over = fault["ended_s"] if fault["fault"]["until_s"] is not None else fault["ended_s"] or fault["began_s"]
    found = next((one for one in recoveries if over is not None and one["from_s"] == over), None)
    return (
        fault["text"],
        figures.time(fault["fault"]["at_s"]),
        figures.time(fault["began_s"]),
        figures.time(fault["ended_s"]),
        figures.MISSING if found is None else figures.time(found["seconds"]) if not found["reason"] else "never",
        Cell(text=fault["problem"] or fault["evidence"], note=(found or {}).get("reason") or ""),
    )


def phases(run: JSON) -> Table:
    """Every phase; objectives look at the steady one unless they name another."""
    return table(
        "Phases",
        "phase | >from | >length | >users | >iterations | >ended | >per second | >p50 | >p95 | >p99 | >error rate",
        (_phase(phase) for phase in run.get("phases") or ()),
    )


def _phase(phase: JSON) -> tuple[str, ...]:
    statistics = phase["statistics"]
    return (
        phase["name"].replace("_", " "),
        figures.time(phase.get("start")),
        figures.time(phase.get("duration")),
        figures.count(phase.get("users")),
        figures.count(phase.get("iterations")),
        figures.count(statistics.get("count")),
        figures.rate(statistics.get("throughput")),
        *(figures.time(statistics.get(name)) for name in ("p50", "p95", "p99")),
        figures.share(statistics.get("error_rate")),
    )


def operations(run: JSON) -> Table:
    """Every operation of the steady phase, and all together."""
    phase = steady(run)
    rows = [_timed(name, statistics) for name, statistics in (phase.get("operations") or {}).items()]
    if len(rows) > 1:
        rows.append(_timed("all operations", phase["statistics"]))
    return table("Operations in the steady phase", "operation" + _TIMED, rows)


def groups(run: JSON) -> Table:
    """Every group of the steady phase; they never count among the operations."""
    rows = (_timed(name, statistics) for name, statistics in (steady(run).get("groups") or {}).items())
    return table("Groups in the steady phase (not counted as operations)", "group" + _TIMED, rows)


def _timed(name: str, statistics: JSON) -> tuple[str, ...]:
    return (
        name,
        figures.count(statistics.get("count")),
        figures.rate(statistics.get("throughput")),
        *(figures.time(statistics.get(key)) for key in ("p50", "p90", "p95", "p99", "max")),
        figures.count(statistics.get("failed")),
        figures.share(statistics.get("error_rate")),
    )


def checks(run: JSON) -> Table:
    """How often each check held in the steady phase."""
    rows = (
        (name, figures.count(held), figures.count(broken), Cell(mark=mark_of("fail" if broken else "pass")))
        for name, (held, broken) in (steady(run).get("checks") or {}).items()
    )
    return table("Checks in the steady phase", "check | >held | >broken | outcome", rows)


def errors(run: JSON) -> Table:
    """Every kind of error of every operation in every phase, the most frequent first."""
    found = sorted(_errors(run), key=lambda row: -row[3])
    rows = (
        (kind, operation, phase.replace("_", " "), figures.count(count), Cell(detail=exemplar, unfolded=not place))
        for place, (phase, operation, kind, count, exemplar) in enumerate(found)
    )
    return table("Errors", "kind | operation | phase | >count | ~the first of them", rows)


def _errors(run: JSON) -> Iterator[tuple[str, str, str, int, str]]:
    for phase in own_phases(run):
        for operation, statistics in (phase.get("operations") or {}).items():
            for kind, error in (statistics.get("errors") or {}).items():
                yield phase["name"], operation, kind, error["count"], error.get("exemplar") or ""


def slowest(run: JSON, seconds: Seconds) -> Table:
    """The slowest successful operations that ended in the steady phase."""
    medians = {name: one.get("p50") for name, one in (steady(run).get("operations") or {}).items()}
    rows = (
        (
            slow.operation,
            figures.time(slow.latency_s),
            _times(slow.latency_s, medians.get(slow.operation)),
            f"{slow.t} s to {slow.t + 1} s",
            figures.count(slow.users),
        )
        for slow in seconds.slowest
    )
    heads = "operation | >latency | >times its median | >ended | >users then"
    return table("Slowest operations in the steady phase", heads, rows)


def _times(value: float, median: float | None) -> str:
    return f"{value / median:,.1f} ×" if median else figures.MISSING


def fairness(run: JSON) -> Table:
    """How evenly the iterations of each phase are spread over its users."""
    rows = (
        (
            phase["name"].replace("_", " "),
            figures.count(spread["users"]),
            *(figures.count(spread[name]) for name in ("least", "p5", "median", "p95", "most")),
            f"{spread['gini']:.2f}",
        )
        for phase in run.get("phases") or ()
        if (spread := phase.get("fairness"))
    )
    heads = "phase | >users | >least | >5 of 100 up to | >median | >95 of 100 up to | >most | >Gini coefficient"
    return table("Iterations per user", heads, rows)


def values(run: JSON) -> Table:
    """What journeys sent back."""
    rows = (
        (
            name,
            figures.count(value["count"]),
            figures.count(value.get("omitted")),
            Cell(text=", ".join(value.get("first") or ()), code=True),
        )
        for name, value in (run.get("values") or {}).items()
    )
    return table("Values that journeys recorded", "name | >recorded | >of these not kept | ~the first of them", rows)


def facts(run: JSON) -> Table:
    """What else was measured or read."""
    rows = ((one["name"], _fact(one)) for one in run.get("facts") or ())
    return table("Measured besides", "what | >how much", rows)


def _fact(fact: JSON) -> str:
    value, dimension = fact["value"], fact["dimension"]
    if value is None:
        return figures.MISSING
    return str(value) if dimension is None else figures.quantity(value, Dimension(dimension))


def resources(run: JSON) -> Table:
    """What each process tree used in the steady phase."""
    rows = (
        (
            name,
            figures.size(use.get("memory_peak")),
            figures.share(use.get("cpu_mean")),
            figures.count(use.get("cores")),
            figures.count(use.get("looks")),
        )
        for name, use in (run.get("resources") or {}).items()
    )
    return table(
        "Resources in the steady phase",
        "process tree | >peak memory | >mean CPU of its cores | >cores it may use | >times looked at",
        rows,
    )
