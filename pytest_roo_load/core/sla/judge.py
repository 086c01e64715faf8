"""Judges an objective by a result: pass, fail, no data or invalid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, isfinite, log

from pytest_roo_load.core.profiles.plan import is_steady, named_like
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.sla.objective import Metric, Objective, Subject
from pytest_roo_load.core.sla.windows import (
    ended,
    first_streak,
    first_violation,
    longest_stretch,
    seconds_of,
    value_with_dropped,
    window_value,
    windows_of,
    with_slower,
)
from pytest_roo_load.core.statistics import PhaseResult, Statistics
from pytest_roo_load.core.target import meant
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.core.verdict import Verdict, worst

__all__ = ["Judgement", "judge", "wilson"]

Interval = tuple[float, float | None]

_TAIL = 0.025  # of a 95 % interval, on either side


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a result says about one objective.

    Attributes:
        objective: What was judged.
        verdict: The outcome.
        measured: In the metric's base unit; for windows the worst one's; None without data.
        interval: 95 % confidence interval of `measured`; an upper end of None means that there were too few samples.
        samples: How many operations, or looks at a process, the value stands on.
        reason: Why it is no data or invalid, or which window failed.
    """

    objective: Objective
    verdict: Verdict
    measured: float | None = None
    interval: Interval | None = None
    samples: int = 0
    reason: str = ""

    @property
    def margin(self) -> float | None:
        """How far inside the limit, as a share of it; negative outside."""
        return None if self.measured is None else self.objective.margin(self.measured)


def judge(objective: Objective, result: Result) -> Judgement:
    """Judge one objective; never raises for what the run did or did not measure."""
    judgement = _judge_measured(objective, result)
    if result.lost and judgement.verdict is Verdict.PASS:
        return replace(judgement, verdict=Verdict.INVALID, reason="; ".join(result.lost))
    return judgement


def _judge_measured(objective: Objective, result: Result) -> Judgement:
    if objective.metric.name == "recovery_time":
        return _judge_recovery(objective, result)
    alike = [] if is_steady(objective.phase) else [name for name in result.phases if named_like(name, objective.phase)]
    if len(alike) > 1:
        return _judge_each(objective, result, alike)
    return _judge_phase(objective, result)


def _judge_each(objective: Objective, result: Result, phases: Sequence[str]) -> Judgement:
    """It must hold in every one of several phases alike: the judgement of the worst."""
    each = {name: _judge_phase(replace(objective, phase=name), result) for name in phases}
    verdict = worst(one.verdict for one in each.values())
    margins = {name: one.margin or 0.0 for name, one in each.items() if one.verdict is verdict}
    least = min(margins, key=margins.__getitem__)
    told = () if verdict is Verdict.PASS else (f"{least!r} is the worst of {len(each)} phases",)
    return replace(each[least], objective=objective, reason="; ".join(filter(None, (*told, each[least].reason))))


def _judge_phase(objective: Objective, result: Result) -> Judgement:
    phase = result.phases.get(objective.phase)
    if phase is None:
        known = ", ".join(result.phases)
        return _no_data(objective, f"the profile has no phase {objective.phase!r}; it has {known}")
    if objective.metric.subject is Subject.PROCESS:
        return _judge_process(objective, result)
    if objective.metric.name == "consistency":
        return _judge_consistency(objective, result)
    if objective.of is not None and objective.of not in phase.operations:
        ran = ", ".join(repr(name) for name in phase.operations) or "none"
        return _no_data(objective, f"no operation {objective.of!r} ran in {phase.name}; those that did: {ran}")
    if objective.over_s is not None or objective.for_s is not None:
        seconds = seconds_of(result.timeline, phase)
        judgement = _unless_hidden(_judge_windows(objective, seconds), phase)
        judgement = _unless(judgement, _hidden_in_windows(judgement, seconds))
    else:
        judgement = _judge_whole(objective, phase)
    return _unless_invalid(judgement, result)


def _no_data(objective: Objective, reason: str) -> Judgement:
    return Judgement(objective=objective, verdict=Verdict.NO_DATA, reason=reason)


def _unless_invalid(judgement: Judgement, result: Result) -> Judgement:
    if not result.problems or not judgement.objective.metric.latency or judgement.verdict is Verdict.NO_DATA:
        return judgement
    return replace(judgement, verdict=Verdict.INVALID, reason="; ".join(result.problems))


def _verdict(objective: Objective, measured: float) -> Verdict:
    return Verdict.PASS if objective.holds(measured) else Verdict.FAIL


def _judge_whole(objective: Objective, phase: PhaseResult) -> Judgement:
    statistics = _statistics(objective, phase)
    measured = _value(objective.metric, phase if objective.metric.subject is Subject.RUN else statistics)
    if measured is None or not statistics.count:
        return _no_data(objective, _why_nothing(statistics, phase.name))
    interval = _interval(objective.metric, statistics)
    judgement = Judgement(
        objective=objective,
        verdict=_verdict(objective, measured),
        measured=measured,
        interval=interval,
        samples=statistics.succeeded if objective.metric.latency else statistics.count,
        reason=_too_few(objective, statistics, interval),
    )
    return _unless_hidden(judgement, phase)


def _statistics(objective: Objective, phase: PhaseResult) -> Statistics:
    return phase if objective.of is None else phase.operations[objective.of]


def _unless_hidden(judgement: Judgement, phase: PhaseResult) -> Judgement:
    """Of windows, too, a pass takes the limit to hold in the whole phase: not of all is known where they belong."""
    if judgement.verdict is not Verdict.PASS:
        return judgement
    return _unless(judgement, _hidden(judgement.objective, _statistics(judgement.objective, phase), phase))


def _unless(judgement: Judgement, reason: str) -> Judgement:
    return replace(judgement, verdict=Verdict.INVALID, reason=reason) if reason else judgement


def _hidden_in_windows(judgement: Judgement, seconds: Sequence[Second]) -> str:
    """Why a limit that held in all windows may be broken in one: by the arrivals that were dropped there."""
    objective = judgement.objective
    if judgement.verdict is not Verdict.PASS or not objective.bounds_latency:
        return ""
    windows = list(windows_of(seconds, int(objective.over_s or 1)))
    began = _broken(objective, [(window[0].t, value_with_dropped(objective, window)) for window in windows])
    if began is None:
        return ""
    end = began + int(objective.over_s or objective.for_s or 1)
    dropped = sum(second.dropped for second in seconds if began <= second.t < end)
    return (
        f"{dropped} arrivals found no free user from second {began} to {end} and were dropped. If they counted as the "
        "slowest, the limit would be broken there"
    )


def _hidden(objective: Objective, statistics: Statistics, phase: PhaseResult) -> str:
    """Why an upper limit on latency cannot be said to hold: those that never ended or began are the slowest of all."""
    hidden = statistics.interrupted + phase.dropped + phase.missed
    if not objective.bounds_latency or not hidden:
        return ""
    known = with_slower(objective.metric, statistics.histogram, hidden)
    if known is not None and objective.holds(known):
        return ""
    parts = (
        (statistics.interrupted, "operations had not ended when the graceful stop was over"),
        (phase.dropped, "arrivals found no free user and were dropped"),
        (phase.missed, "arrivals could not be begun"),
    )
    told = ", ".join(f"{number} {what}" for number, what in parts if number)
    name = objective.metric.name
    least = "nothing is known of" if known is None else f"{objective.shown(known)} or more would be"
    remedy = (
        ". More users (max_users) would have begun them, unless the target has no more to give" if phase.dropped else ""
    )
    return (
        f"{told}; {statistics.succeeded} operations succeeded. If the former counted as the slowest, {least} {name} of "
        f"all{remedy}"
    )


def _too_few(objective: Objective, statistics: Statistics, interval: Interval | None) -> str:
    """What a percentile of too few samples leaves open: with fewer than `needed` it has no upper bound."""
    q = objective.metric.percentile
    if q is None or q >= 100 or interval is None or interval[1] is not None:  # noqa: PLR2004 - percent
        return ""
    needed = ceil(log(_TAIL) / log(q / 100))
    return f"{statistics.succeeded} samples do not bound {objective.metric.name} from above; it takes {needed:,}"


def _why_nothing(statistics: Statistics, phase: str) -> str:
    if statistics.count:
        return f"none of the {statistics.count} operations in {phase} succeeded"
    return f"no operation ended in {phase}"


def _value(metric: Metric, statistics: Statistics) -> float | None:
    if metric.percentile is not None:
        return statistics.percentile(metric.percentile)
    value = getattr(statistics, metric.name)
    return None if value is None else float(value)


def _interval(metric: Metric, statistics: Statistics) -> Interval | None:
    if metric.percentile is not None:
        return statistics.histogram.interval(metric.percentile)
    if metric.name == "error_rate":
        return wilson(statistics.failed, statistics.count)
    return None


def wilson(hits: int, trials: int) -> Interval:
    """The 95 % score interval of a proportion (E. B. Wilson, JASA 22, 1927)."""
    z = 1.959963984540054
    share = hits / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * ((share * (1 - share) / trials + z * z / (4 * trials * trials)) ** 0.5)
    return centre - half if hits else 0.0, centre + half if hits < trials else 1.0


def _judge_recovery(objective: Objective, result: Result) -> Judgement:
    """The longest recovery; one that never came is no value but a failure of every upper limit."""
    found = result.recoveries
    if not found:
        return _no_data(objective, "nothing was broken in this run")
    longest = max((recovery.seconds for recovery in found), key=float)
    return Judgement(
        objective=objective,
        verdict=_verdict(objective, longest),
        measured=longest if isfinite(longest) else None,
        samples=len(found),
        reason="" if isfinite(longest) else repr(longest).strip("<>"),
    )


def _judge_process(objective: Objective, result: Result) -> Judgement:
    name = meant(objective.of, result.resources)
    use = result.resources.get(name)
    if use is None:
        watched = ", ".join(result.resources) or "none"
        return _no_data(objective, f"process {name!r} was not watched; those that were: {watched}")
    measured = use.cpu_mean if objective.metric.name == "cpu_mean" else float(use.memory_peak)
    if measured is None or not use.looks:
        return _no_data(
            objective, f"process {name!r} was looked at {use.looks} time(s) in the steady phase, which is too few"
        )
    return Judgement(objective=objective, verdict=_verdict(objective, measured), measured=measured, samples=use.looks)


def _judge_consistency(objective: Objective, result: Result) -> Judgement:
    """By what the checks of the whole run found; a check without data keeps a pass away."""
    measured = result.consistency
    if measured is None:
        return _no_data(objective, "nothing was checked for consistency")
    broken = [str(finding) for finding in result.findings if finding.verdict is Verdict.FAIL]
    return Judgement(
        objective=objective,
        verdict=_verdict(objective, measured),
        measured=measured,
        samples=sum(finding.checked for finding in result.findings),
        reason="; ".join(broken),
    )


def _broken(objective: Objective, values: Sequence[tuple[int, float | None]]) -> int | None:
    """The first second of the first violation; a window without samples is none but of `for`."""
    if objective.for_s:
        return first_streak(objective, values)
    return first_violation(objective, [(t, value) for t, value in values if value is not None])


def _judge_windows(objective: Objective, seconds: Sequence[Second]) -> Judgement:
    """`over`: each window of the length must hold. `for`: the windows are single seconds, and a streak breaks it."""
    length = int(objective.over_s or 1)
    longest = longest_stretch(seconds)
    if longest < max(length, int(objective.for_s or 0)):
        at_most = " on end at most" if longest < len(seconds) else ""
        return _no_data(objective, f"the phase has {longest} whole seconds{at_most}, fewer than one window")
    samples = sum(ended(objective, second) for second in seconds)
    if not samples:
        return _no_data(objective, "no samples in any window")
    values = [(window[0].t, window_value(objective, window)) for window in windows_of(seconds, length)]
    measured = [(t, value) for t, value in values if value is not None]
    broken = _broken(objective, values)
    empty = [t for t, value in values if value is None]
    if empty and broken is None and objective.for_s is None:
        return _no_data(objective, f"no samples from second {empty[0]} to {empty[0] + length}")
    extreme = (max if objective.operator.startswith("<") else min)(value for _, value in measured)
    return Judgement(
        objective=objective,
        verdict=Verdict.PASS if broken is None else Verdict.FAIL,
        measured=extreme,
        samples=samples,
        reason="" if broken is None else f"violated from second {broken} on",
    )
