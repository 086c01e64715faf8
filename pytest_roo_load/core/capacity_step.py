"""What one run at a rate says of the rate: the verdict that a search for a capacity goes by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_roo_load.core.capacity import Outcome, Step
from pytest_roo_load.core.profiles import is_steady
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.sla.judge import Judgement, judge
from pytest_roo_load.core.sla.objective import Objective
from pytest_roo_load.core.statistics import PhaseResult
from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError

__all__ = ["decisive", "step_of"]

_LOST = 0.01  # of the arrivals


def decisive(objectives: Iterable[Objective]) -> tuple[Objective, ...]:
    """Those objectives that a target misses when it has too much to do: upper limits of latency and of errors.

    A rate, a count or a number of users is what a search chooses, and so nothing that it could decide by. What is asked
    of a spike or a fault is asked of another load.

    Raises:
        UsageError: There are none.
    """
    given = tuple(objectives)
    found = tuple(one for one in given if _is_decisive(one))
    if not found:
        texts = ", ".join(one.text for one in given) or "none"
        raise UsageError(
            "no objective that could tell what is too much",
            value=texts,
            allowed='an upper limit of a latency or of error_rate, such as @pytest.mark.sla("p95 < 3 s")',
        )
    return found


def _is_decisive(objective: Objective) -> bool:
    metric = objective.metric
    limits = objective.operator.startswith("<") and (metric.latency or metric.name == "error_rate")
    return limits and is_steady(objective.phase)


def step_of(rate: float, result: Result, objectives: Sequence[Objective], live: str = "") -> Step:
    """What a run at a rate says of it.

    A generator past its limits tells nothing of the target. Otherwise a rate is too much when an objective is missed,
    or when more than 1 % of the arrivals found no free user: then the target did not keep pace.
    """
    steady = result.steady
    outcome, reason = _outcome(steady, result, objectives)
    return Step(
        rate=rate,
        outcome=outcome,
        reason=reason,
        achieved=steady.iterations / steady.duration if steady.duration else 0.0,
        throughput=steady.throughput,
        p95=steady.p95,
        error_rate=steady.error_rate,
        lost=_lost(steady),
        live=live,
    )


def _lost(steady: PhaseResult) -> float:
    return (steady.dropped + steady.missed) / steady.arrivals if steady.arrivals else 0.0


def _shown(steady: PhaseResult) -> str:
    return format_quantity(_lost(steady), Dimension.RATIO)


def _why(missed: Judgement) -> str:
    return missed.reason if missed.verdict is Verdict.INVALID else missed.objective.shown(missed.measured)


def _outcome(steady: PhaseResult, result: Result, objectives: Sequence[Objective]) -> tuple[Outcome, str]:
    trouble = (*result.lost, *result.problems)
    if trouble:
        return Outcome.INVALID, "; ".join(trouble)
    if not steady.arrivals:
        return Outcome.INVALID, "no arrival was due: the steps are too short for this rate"
    if _lost(steady) > _LOST:
        return Outcome.FAILS, f"{_shown(steady)} of the arrivals found no free user: the target did not keep pace"
    judgements = [judge(objective, result) for objective in objectives]
    missed = [one for one in judgements if one.verdict in {Verdict.FAIL, Verdict.INVALID}]
    if missed:
        return Outcome.FAILS, "; ".join(f"{one.objective.text}: {_why(one)}" for one in missed)
    empty = [one for one in judgements if one.verdict is Verdict.NO_DATA]
    if empty and steady.count:
        return Outcome.INVALID, "; ".join(f"{one.objective.text}: {one.reason}" for one in empty)
    return (Outcome.HOLDS, "") if not empty else (Outcome.FAILS, "no operation succeeded or failed in time")
