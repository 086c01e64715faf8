from dataclasses import FrozenInstanceError, replace

import pytest
from core_samples import LOGIN, SEND, histogram, phase, result, tally

from pytest_roo_load.core.profiles import STEADY
from pytest_roo_load.core.recording import ErrorCount, PhaseRecording, Recording, Values
from pytest_roo_load.core.result import Result, result_of
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError

FIGURES = (
    "users", "duration", "count", "succeeded", "failed", "dropped", "interrupted", "throughput", "error_rate",
    "errors", "operations", "groups", "service_time", "p50", "p90", "p95", "p99",
)  # fmt: skip


def loaded() -> Result:
    steady = phase(7, login=tally([0.1] * 60, [2.0] * 20), send=tally([0.2] * 20, [3.0] * 10, interrupted=5))
    steady.groups["round trip"] = tally([30.0] * 500, [30.0] * 500)
    steady.checks["named"] = [3, 1]
    steady.iterations = 33
    return result(steady, start=5.0, duration=20.0)


def objectives(by: Result, *texts: str) -> Result:
    return replace(by, objectives=tuple(parse_objective(text) for text in texts))


def test_figures_of_all_operations_together() -> None:
    measured = loaded()

    assert (measured.count, measured.succeeded, measured.failed, measured.interrupted) == (110, 80, 30, 5)
    assert measured.throughput == 80 / 20
    assert measured.error_rate == 30 / 110
    assert measured.errors == {"timeout": ErrorCount(count=30, exemplar="no answer")}
    assert (measured.users, measured.duration, measured.dropped) == (7, 20.0, 0)


def test_the_figures_of_the_steady_phase_are_the_results_own() -> None:
    measured = loaded()

    assert measured.steady is measured.phases[STEADY]
    for name in FIGURES:
        assert getattr(measured, name) == getattr(measured.steady, name)
    assert measured.percentile(99.9) == measured.steady.percentile(99.9)


def test_percentiles_are_those_of_the_successful_operations() -> None:
    measured = loaded()

    assert [measured.p50, measured.p90, measured.p95, measured.p99] == pytest.approx([0.1, 0.2, 0.2, 0.2], rel=1 / 1024)
    assert (measured.steady.minimum, measured.steady.maximum) == (0.1, 0.2)
    assert measured.steady.mean == pytest.approx((60 * 0.1 + 20 * 0.2) / 80)
    assert measured.steady.failed_histogram == histogram([2.0] * 20 + [3.0] * 10)


def test_operations_of_one_name_by_themselves() -> None:
    send = loaded().operations[SEND]

    assert (send.count, send.succeeded, send.failed, send.interrupted) == (30, 20, 10, 5)
    assert send.throughput == 1.0
    assert send.error_rate == 1 / 3
    assert send.p95 == pytest.approx(0.2, rel=1 / 1024)
    assert list(loaded().operations) == sorted([LOGIN, SEND])


def test_groups_never_count_in_the_phases_own_figures() -> None:
    measured = loaded()

    assert measured.groups["round trip"].count == 1000
    assert measured.groups["round trip"].p50 == pytest.approx(30, rel=1 / 1024)
    assert measured.count == 110
    assert (measured.p99 or 0) < 1


def test_phases_keep_their_order_start_and_length() -> None:
    measured = loaded()

    assert [(name, one.name, one.start, one.duration) for name, one in measured.phases.items()] == [
        ("warm_up", "warm_up", 0.0, 5.0),
        ("steady", "steady", 5.0, 20.0),
    ]
    assert measured.steady.checks == {"named": (3, 1)}
    assert measured.steady.iterations == 33


def test_a_phase_that_nobody_recorded_has_no_figures() -> None:
    warm_up = loaded().phases["warm_up"]

    assert (warm_up.count, warm_up.users, warm_up.throughput) == (0, 0, 0.0)
    assert (warm_up.error_rate, warm_up.mean, warm_up.minimum, warm_up.maximum, warm_up.p95) == (None,) * 5
    assert warm_up.operations == {}


def test_a_phase_of_no_length_has_no_throughput() -> None:
    assert result(phase(login=tally([0.1])), duration=0.0).throughput == 0


@pytest.mark.parametrize("q", [0, -1, 100.1, float("nan")])
def test_a_percentile_out_of_range_is_refused(q: float) -> None:
    with pytest.raises(UsageError, match="no such percentile"):
        loaded().percentile(q)


def test_making_a_result_takes_nothing_out_of_the_recording() -> None:
    steady = phase(1, login=tally([0.1]), send=tally([0.2]))
    recording = Recording(phases={"steady": steady}, values={"size": Values(items=[1])})
    made = result_of(recording, {"steady": (0.0, 10.0)}, problems=("late",))

    assert steady == phase(1, login=tally([0.1]), send=tally([0.2]))
    assert made.values["size"].items == [1]
    assert made.problems == ("late",)


@pytest.mark.parametrize(
    ("steady", "asked", "verdict"),
    [
        (phase(login=tally([0.1])), (), Verdict.PASS),
        (phase(login=tally([0.1])), ("p95 < 1 s", "error_rate < 1 %"), Verdict.PASS),
        (phase(login=tally([0.1])), ("p95 < 1 s", "p95 < 1 ms"), Verdict.FAIL),
        (phase(login=tally([0.1])), ("p95 < 1 s", "memory_peak < 1 GB"), Verdict.NO_DATA),
        (phase(login=tally([0.1])), ("memory_peak < 1 GB", "p95 < 1 ms"), Verdict.FAIL),
        (phase(), (), Verdict.NO_DATA),
        (phase(), ("p95 < 1 s",), Verdict.NO_DATA),
        (phase(login=tally(interrupted=100)), (), Verdict.NO_DATA),
        (phase(login=tally([], [0.1])), (), Verdict.FAIL),
        (phase(login=tally([], [0.1])), ("count >= 1",), Verdict.FAIL),
    ],
)
def test_the_verdict_is_the_worst_of_all_and_never_a_pass_without_a_success(
    steady: PhaseRecording, asked: tuple[str, ...], verdict: Verdict
) -> None:
    measured = objectives(result(steady), *asked)

    assert measured.verdict is verdict
    assert [judgement.objective.text for judgement in measured.judgements] == list(asked)


def test_trouble_of_a_generator_makes_the_verdict_invalid_where_latency_is_asked_for() -> None:
    measured = result(phase(login=tally([0.1])), problems=("generator local-0: late",))

    assert objectives(measured, "p95 < 1 s").verdict is Verdict.INVALID
    assert objectives(measured, "error_rate < 1 %").verdict is Verdict.PASS
    assert objectives(measured, "p95 < 1 s", "error_rate > 1 %").verdict is Verdict.FAIL


def test_a_result_meets_an_objective_only_with_the_verdict_pass() -> None:
    measured = result(phase(login=tally([0.1])))

    assert measured.meets("p95 < 1 s")
    assert not measured.meets("p95 < 1 ms")
    assert not measured.meets("p95 of 'never ran' < 1 s")
    assert not replace(measured, problems=("late",)).meets("p95 < 1 s")
    with pytest.raises(UsageError, match="unknown metric"):
        measured.meets("p95x < 1 s")


def test_a_result_is_a_value_and_tells_its_state() -> None:
    measured = result(phase(3, login=tally([0.25], [0.5])))

    assert repr(measured) == "<Result users=3 count=2 error_rate=0.5 p95=0.25>"
    assert repr(measured.steady) == "<PhaseResult count=2 failed=1 p95=0.25>"
    assert repr(measured.operations[LOGIN]) == "<Statistics count=2 failed=1 p95=0.25>"
    with pytest.raises(FrozenInstanceError):
        measured.problems = ("late",)  # type: ignore[misc]
