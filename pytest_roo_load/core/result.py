"""What one `run()` measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_roo_load.core.allocations import AllocationGrowth
from pytest_roo_load.core.consistency.finding import Finding, share_that_holds
from pytest_roo_load.core.fact import Fact
from pytest_roo_load.core.faults.fault import FaultRecord
from pytest_roo_load.core.gauge import Gauge
from pytest_roo_load.core.histogram import Histogram
from pytest_roo_load.core.little import doubt
from pytest_roo_load.core.profiles import STEADY, is_steady
from pytest_roo_load.core.recording import ErrorCount, PhaseRecording, Recording, Values
from pytest_roo_load.core.statistics import PhaseResult, Statistics
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.core.validity import Health
from pytest_roo_load.core.verdict import Verdict, worst
from pytest_roo_load.errors import UsageError

if TYPE_CHECKING:
    from pytest_roo_load.core.faults.recovery import Recovery
    from pytest_roo_load.core.faults.steady_state import Stretch
    from pytest_roo_load.core.sla.judge import Judgement
    from pytest_roo_load.core.sla.objective import Objective

__all__ = ["ResourceUse", "Result", "result_of"]

_EARLY_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUse:
    """What one process tree used during the steady phase.

    Attributes:
        memory_peak: The most resident bytes seen at any look, one look a second.
        cpu_mean: CPU time over wall time over the cores it may use, 0 to 1; None with less than two looks.
        cores: How many cores it may use.
        looks: How many times it was looked at.
    """

    memory_peak: int
    cpu_mean: float | None
    cores: int
    looks: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one `run()` measured; the attributes of the steady phase are the result's own.

    Attributes:
        phases: Figures by phase name, in order. "steady" is always there: where a profile has several phases that
            objectives look at by default (the steps of stairs, say), it is all of them together.
        resources: Process ("ccs", or "target" for a server of the user's own; "postgres", "redis", "generator") → what
            it used in the steady phase.
        values: What journeys sent back with `user.record`.
        generators: The health of each generator.
        problems: Why the latencies of this run are invalid; empty when they are not.
        timeline: The run second by second; read again from the run directory each time it is iterated.
        objectives: What the test's markers and scenario ask of this run.
        lost: Processes that ended during the load although nobody meant them to, and faults that did not take hold;
            nothing passes then.
        faults: What was broken on purpose, and what became of it; spikes of load among them.
        ended_early: Why the load ended before its planned end, or before all iterations that were asked for; empty when
            it did not.
        facts: What else was measured or read, such as commits and deadlocks.
        findings: What checks of consistency found; one that is broken fails the run.
        gauges: What was looked at while load ran, such as the depth of a queue.
        allocations: Process → the lines of it whose allocations grew in the steady phase, where that was asked for.
    """

    phases: Mapping[str, PhaseResult]
    resources: Mapping[str, ResourceUse] = field(default_factory=dict)
    values: Mapping[str, Values] = field(default_factory=dict)
    generators: tuple[Health, ...] = ()
    problems: tuple[str, ...] = ()
    timeline: Iterable[Second] = ()
    objectives: tuple[Objective, ...] = ()
    ended_early: str = ""
    lost: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()
    gauges: tuple[Gauge, ...] = ()
    faults: tuple[FaultRecord, ...] = ()
    allocations: Mapping[str, AllocationGrowth] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Result users={self.users} count={self.count} error_rate={self.error_rate} p95={self.p95}>"

    @cached_property
    def steady(self) -> PhaseResult:
        """The steady phase."""
        return self.phases[STEADY]

    @property
    def users(self) -> int:
        """Least number of users inside a journey at any moment of the steady phase."""
        return self.steady.users

    @property
    def duration(self) -> float:
        """Seconds of the steady phase."""
        return self.steady.duration

    @property
    def count(self) -> int:
        """Operations that ended, successful or not."""
        return self.steady.count

    @property
    def succeeded(self) -> int:
        """Operations that ended well."""
        return self.steady.succeeded

    @property
    def failed(self) -> int:
        """Operations that ended in an error."""
        return self.steady.failed

    @property
    def dropped(self) -> int:
        """Arrivals that found no free user; always 0 in closed profiles."""
        return self.steady.dropped

    @property
    def arrivals(self) -> int:
        """Arrivals that were due; always 0 in closed profiles."""
        return self.steady.arrivals

    @property
    def interrupted(self) -> int:
        """Operations still in flight when the graceful stop was over."""
        return self.steady.interrupted

    @property
    def throughput(self) -> float:
        """Successful operations per second."""
        return self.steady.throughput

    @property
    def error_rate(self) -> float | None:
        """Share of failed operations, 0 to 1; None where nothing ended."""
        return self.steady.error_rate

    @property
    def errors(self) -> Mapping[str, ErrorCount]:
        """Kind of error → how often, and the text of the first."""
        return self.steady.errors

    @property
    def operations(self) -> Mapping[str, Statistics]:
        """Figures by operation name."""
        return self.steady.operations

    @property
    def groups(self) -> Mapping[str, Statistics]:
        """Figures by group name."""
        return self.steady.groups

    @property
    def service_time(self) -> Histogram:
        """Latencies from the actual start."""
        return self.steady.service_time

    @property
    def p50(self) -> float | None:
        """The median in seconds."""
        return self.steady.p50

    @property
    def p90(self) -> float | None:
        """The 90th percentile in seconds."""
        return self.steady.p90

    @property
    def p95(self) -> float | None:
        """The 95th percentile in seconds."""
        return self.steady.p95

    @property
    def p99(self) -> float | None:
        """The 99th percentile in seconds."""
        return self.steady.p99

    def percentile(self, q: float) -> float | None:
        """The q-th percentile in seconds, 0 < q <= 100."""
        return self.steady.percentile(q)

    @property
    def consistency(self) -> float | None:
        """Share of everything that was checked on which the findings hold, 0 to 1; None where nothing was checked."""
        return share_that_holds(self.findings)

    def fact(self, name: str) -> float | str | None:
        """The value of the fact of this name, in the base unit of its dimension.

        Raises:
            UsageError: There is none; names those that there are.
        """
        for fact in self.facts:
            if fact.name == name:
                return fact.value
        known = ", ".join(repr(fact.name) for fact in self.facts) or "none"
        raise UsageError("no such fact", value=name, allowed=known)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the figures must know although no verdict depends on it."""
        return tuple(
            warning for phase in self.phases.values() if (warning := doubt(phase.name, phase.little, phase.interrupted))
        )

    @cached_property
    def recoveries(self) -> tuple[Recovery, ...]:
        """What came after each fault; see `core.faults.recovery`."""
        from pytest_roo_load.core.faults.recovery import recoveries  # noqa: PLC0415 - recovery needs the judge

        return recoveries(self.faults, self.under_load(), self.objectives)

    @cached_property
    def steady_state(self) -> tuple[Stretch, ...]:
        """How the service level held before, during and after the faults; see `core.faults.steady_state`."""
        from pytest_roo_load.core.faults.steady_state import steady_state  # noqa: PLC0415 - needs the judge

        return steady_state(self.faults, self.recoveries, self.under_load(), self.objectives)

    def under_load(self) -> Iterator[Second]:
        """The seconds without those of the graceful stop; timers may end the load a little before its last second."""
        end_s = max(end for phase in self.phases.values() for _, end in phase.spans)
        return (second for second in self.timeline if second.t + 1 <= end_s + _EARLY_S)

    @property
    def recovery_time(self) -> float:
        """Seconds from the end of a fault until the service level held again for three seconds in a row; the longest.

        Infinite when it never did, and then its `repr` says why.

        Raises:
            UsageError: Nothing was broken in this run.
        """
        if not self.recoveries:
            allowed = "a run with faults that took hold, or a spike"
            raise UsageError("there is no recovery time", value=self, allowed=allowed)
        return max(recovery.seconds for recovery in self.recoveries)

    @cached_property
    def judgements(self) -> tuple[Judgement, ...]:
        """What this result says about each of its objectives."""
        from pytest_roo_load.core.sla.judge import judge  # noqa: PLC0415 - the judge needs Result

        return tuple(judge(objective, self) for objective in self.objectives)

    @property
    def verdict(self) -> Verdict:
        """The worst of its objectives and findings; no data when no operation ended, fail when none succeeded."""
        if not self.count:
            return Verdict.NO_DATA
        basis = Verdict.FAIL if not self.succeeded else Verdict.INVALID if self.lost else Verdict.PASS
        found = (finding.verdict for finding in self.findings)
        return worst([basis, *found, *(judgement.verdict for judgement in self.judgements)])

    def meets(self, objective: str) -> bool:
        """Whether an objective, written as in the `sla` marker, has the verdict pass.

        Raises:
            UsageError: The objective cannot be parsed.
        """
        from pytest_roo_load.core.sla.judge import judge  # noqa: PLC0415 - the judge needs Result
        from pytest_roo_load.core.sla.parser import parse_objective  # noqa: PLC0415 - loaded when used

        return judge(parse_objective(objective), self).verdict is Verdict.PASS


def result_of(recording: Recording, spans: Mapping[str, tuple[float, float]], **rest: Any) -> Result:
    """The result of a merged recording; `spans` gives the start and end of each phase in seconds of the load."""
    phases = {
        name: PhaseResult(name, start, end - start, recording.phase(name)) for name, (start, end) in spans.items()
    }
    looked_at = [name for name in spans if is_steady(name)]
    if looked_at != [STEADY]:
        phases[STEADY] = _together(recording, {name: spans[name] for name in looked_at})
    return Result(phases=phases, values=recording.values, **rest)


def _together(recording: Recording, spans: Mapping[str, tuple[float, float]]) -> PhaseResult:
    """Several phases as one: counts and lengths add up, the least number of users is the least of any.

    Iterations by user say nothing where not every user took part in all of them: who came late has fewer.
    """
    whole = PhaseRecording()
    for name in spans:
        whole.merge(recording.phase(name))
    if any(recording.phase(name).turns.keys() != whole.turns.keys() for name in spans):
        whole.turns.clear()
    whole.users = min((recording.phase(name).users or 0 for name in spans), default=0)
    length = sum(end - start for start, end in spans.values())
    first = min((start for start, _ in spans.values()), default=0.0)
    return PhaseResult(STEADY, first, length, whole, tuple(spans.values()) or ((0.0, 0.0),))
