"""What a test measured as one JSON value: the schema of the run directory's result files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pytest_roo_load.core.consistency.finding import Finding
from pytest_roo_load.core.consistency.history import HISTORY, Event
from pytest_roo_load.core.fact import Fact
from pytest_roo_load.core.faults.recovery import Never, Recovery
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.schema import RESULT_SCHEMA
from pytest_roo_load.core.sla.judge import Judgement
from pytest_roo_load.core.statistics import PhaseResult, Statistics
from pytest_roo_load.core.timeline import ProcessUse, Second, total
from pytest_roo_load.core.verdict import Verdict, worst
from pytest_roo_load.report.searches import SearchRecord, search_dict

__all__ = ["RunRecord", "measurement", "verdict_of"]

_INTERVALS = (50, 90, 95, 99)
_LONGEST_EVENT = 300
_USES = {  # in results: in `ProcessUse`
    "unique_memory": "unique_bytes",
    "descriptors": "descriptors",
    "connections": "connections",
    "threads": "threads",
    "tasks": "tasks",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One `run()` of a test.

    Attributes:
        journeys: Name → weight.
        profile: The profile in words.
        fleet: Who generated the load, in words.
        interval: Begin and end on the machine's monotonic clock, comparable between processes.
        live: The file with a line per second, relative to the run directory.
        result: What was measured; None when the run had to be given up.
        problem: Why it was given up.
    """

    number: int
    journeys: Mapping[str, float]
    profile: str
    fleet: str
    seed: int
    started_at: str
    interval: tuple[float, float]
    live: str
    result: Result | None
    problem: str = ""

    @property
    def verdict(self) -> Verdict:
        """The result's verdict; a run that was given up is invalid."""
        return self.result.verdict if self.result else Verdict.INVALID


def verdict_of(
    records: Sequence[RunRecord], findings: Sequence[Finding] = (), searches: Sequence[SearchRecord] = ()
) -> Verdict:
    """The verdict of a test that made these runs and searches, and of which checkers found this."""
    of_searches = (search.capacity.verdict for search in searches)
    return worst([*(record.verdict for record in records), *(found.verdict for found in findings), *of_searches])


def measurement(
    test: Mapping[str, Any],
    records: Sequence[RunRecord],
    findings: Sequence[Finding] = (),
    searches: Sequence[SearchRecord] = (),
) -> dict[str, Any]:
    """The content of a result file.

    Args:
        test: Facts on the test itself.
        records: Its runs, in order.
        findings: What checkers found in what the test recorded, in order.
        searches: Its searches for a capacity, in order.
    """
    return {
        "schema": RESULT_SCHEMA,
        "test": dict(test),
        "verdict": verdict_of(records, findings, searches).value,
        "runs": [_run(record) for record in records],
        "findings": [_finding(one) for one in findings],
        "capacities": [search_dict(search) for search in searches],
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "promise": found.promise,
        "verdict": found.verdict.value,
        "checked": found.checked,
        "unknown": found.unknown,
        "broken": found.broken,
        "note": found.note,
        "count": dict(found.count),
        "problems": [
            {
                "kind": one.kind,
                "text": one.text,
                "events": [_event(event) for event in one.events],
                "details": list(one.details),
            }
            for one in found.problems
        ],
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "client": str(event.client),
        "text": str(event)[:_LONGEST_EVENT],
        "began": event.began_s,
        "ended": event.ended_s,
        "outcome": event.outcome.value,
    }


def _run(record: RunRecord) -> dict[str, Any]:
    facts = {
        "number": record.number,
        "journeys": dict(record.journeys),
        "profile": record.profile,
        "fleet": record.fleet,
        "seed": record.seed,
        "started_at": record.started_at,
        "interval": list(record.interval),
        "live": record.live,
        "verdict": record.verdict.value,
    }
    return facts | (_measured(record.result) if record.result else _given_up(record.problem))


def _given_up(problem: str) -> dict[str, Any]:
    nothing: dict[str, Any] = {
        "objectives": [],
        "phases": [],
        "resources": {},
        "values": {},
        "generators": [],
        "facts": [],
        "findings": [],
        "gauges": [],
        "spans": {},
        "faults": [],
        "recoveries": [],
        "steady_state": [],
    }
    return nothing | {"problems": [problem], "warnings": [], "ended_early": "", "timeline": _timeline([], {})}


def _measured(result: Result) -> dict[str, Any]:
    cores = {name: use.cores for name, use in result.resources.items()}
    return {
        "problems": [*result.problems, *result.lost],
        "warnings": list(result.warnings),
        "ended_early": result.ended_early,
        "faults": [record.to_dict() | {"text": str(record.fault)} for record in result.faults],
        "recoveries": [_recovery(recovery) for recovery in result.recoveries],
        "steady_state": [asdict(stretch) for stretch in result.steady_state],
        "objectives": [_judgement(judgement) for judgement in result.judgements],
        "phases": [_phase(phase) for phase in result.phases.values()],
        "resources": {name: asdict(use) for name, use in result.resources.items()},
        "values": {
            name: {
                "count": len(values.items) + values.omitted,
                "omitted": values.omitted,
                "first": [repr(value)[:200] for value in values.items[:5]],
            }
            for name, values in result.values.items()
            if name != HISTORY  # the findings tell what it says
        },
        "generators": [asdict(health) for health in result.generators],
        "facts": [_fact(fact) for fact in result.facts],
        "findings": [_finding(finding) for finding in result.findings],
        "gauges": [asdict(gauge) | {"dimension": gauge.dimension.value} for gauge in result.gauges],
        "timeline": _timeline(list(result.timeline), cores),
        "spans": {name: list(phase.spans[0]) for name, phase in result.phases.items() if len(phase.spans) == 1},
    }


def _fact(fact: Fact) -> dict[str, Any]:
    return {
        "name": fact.name,
        "value": fact.value,
        "dimension": fact.dimension and fact.dimension.value,
    }


def _judgement(judgement: Judgement) -> dict[str, Any]:
    objective = judgement.objective
    return {
        "text": objective.text,
        "source": objective.source,
        "metric": objective.metric.name,
        "dimension": objective.metric.dimension.value,
        "of": objective.of,
        "phase": objective.phase,
        "operator": objective.operator,
        "limit": objective.limit,
        "measured": judgement.measured,
        "interval": list(judgement.interval) if judgement.interval else None,
        "margin": judgement.margin,
        "samples": judgement.samples,
        "verdict": judgement.verdict.value,
        "reason": judgement.reason,
    }


def _recovery(recovery: Recovery) -> dict[str, Any]:
    """JSON has no infinity: what never recovered has no seconds, and a reason."""
    if isinstance(recovery.seconds, Never):
        return {"from_s": recovery.from_s, "seconds": None, "reason": recovery.seconds.reason}
    return {"from_s": recovery.from_s, "seconds": recovery.seconds, "reason": ""}


def _phase(phase: PhaseResult) -> dict[str, Any]:
    return {
        "name": phase.name,
        "start": phase.start,
        "duration": phase.duration,
        "users": phase.users,
        "iterations": phase.iterations,
        "arrivals": phase.arrivals,
        "dropped": phase.dropped,
        "missed": phase.missed,
        "little": phase.little and asdict(phase.little) | {"holds": phase.little.holds},
        "fairness": asdict(phase.fairness) if phase.fairness else None,
        "statistics": _statistics(phase),
        "operations": {name: _statistics(one) for name, one in phase.operations.items()},
        "groups": {name: _statistics(one) for name, one in phase.groups.items()},
        "checks": {name: list(counts) for name, counts in phase.checks.items()},
    }


def _statistics(figures: Statistics) -> dict[str, Any]:
    return {
        "count": figures.count,
        "succeeded": figures.succeeded,
        "failed": figures.failed,
        "interrupted": figures.interrupted,
        "throughput": figures.throughput,
        "error_rate": figures.error_rate,
        "mean": figures.mean,
        "min": figures.minimum,
        "max": figures.maximum,
        "p50": figures.p50,
        "p90": figures.p90,
        "p95": figures.p95,
        "p99": figures.p99,
        "p999": figures.percentile(99.9),
        "intervals": {
            f"p{q}": list(interval) for q in _INTERVALS if (interval := figures.histogram.interval(q)) is not None
        },
        "errors": {kind: {"count": error.count, "exemplar": error.exemplar} for kind, error in figures.errors.items()},
        "histogram": figures.histogram.to_dict(),
    }


def _timeline(seconds: Sequence[Second], cores: Mapping[str, int]) -> dict[str, Any]:
    sums = [total([second]) for second in seconds]
    return {
        "t": [second.t for second in seconds],
        "phase": [second.phase for second in seconds],
        "users": [second.users for second in seconds],
        "throughput": [one.ok.count for one in sums],
        "failed": [one.failed for one in sums],
        "dropped": [second.dropped for second in seconds],
        "p50": [one.ok.percentile(50) for one in sums],
        "p95": [one.ok.percentile(95) for one in sums],
        "p99": [one.ok.percentile(99) for one in sums],
        "resources": {name: _use(name, seconds, allowed) for name, allowed in cores.items()},
    }


def _use(name: str, seconds: Sequence[Second], cores: int) -> dict[str, list[float | None]]:
    """What was used in each second; of `_USES` those that were known in any."""
    uses = [second.resources.get(name) for second in seconds]
    series = {shown: [None if use is None else getattr(use, field) for use in uses] for shown, field in _USES.items()}
    return {
        "memory": [None if use is None else use.memory_bytes for use in uses],
        "cpu": _cpu([(second.looked_s, use) for second, use in zip(seconds, uses, strict=True)], cores),
        **{shown: values for shown, values in series.items() if any(value is not None for value in values)},
    }


def _cpu(looks: Sequence[tuple[float, ProcessUse | None]], cores: int) -> list[float | None]:
    """The share of the cores between two looks, for each second: one whose look came late has that of the next look."""
    shares: list[float | None] = []
    waiting = 0
    before: tuple[float, ProcessUse] | None = None
    for looked_s, use in looks:
        waiting += 1
        if use is not None and before is not None and looked_s <= before[0]:
            continue
        share = None
        if use is not None and before is not None:
            share = (use.cpu_s - before[1].cpu_s) / (looked_s - before[0]) / cores
        shares += [share] * waiting
        waiting = 0
        before = None if use is None else (looked_s, use)
    return shares + [None] * waiting
