"""What a run says of its rate."""

import pytest
from core_samples import phase, result, tally

from pytest_roo_load.core.capacity import Outcome
from pytest_roo_load.core.capacity_step import decisive, step_of
from pytest_roo_load.core.recording import PhaseRecording
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.errors import UsageError

HOLDS, FAILS, INVALID = Outcome.HOLDS, Outcome.FAILS, Outcome.INVALID
OBJECTIVES = tuple(parse_objective(text) for text in ("p95 < 1 s", "error_rate < 5 %"))


def recorded(*ok: float, failed: int = 0, dropped: int = 0) -> PhaseRecording:
    recording = phase(login=tally(list(ok), failed=[0.1] * failed))
    recording.arrivals = recording.iterations = len(ok) + failed + dropped
    recording.dropped = dropped
    return recording


def said(recording: PhaseRecording, problems: tuple[str, ...] = ()) -> tuple[Outcome, str]:
    step = step_of(10, result(recording, problems=problems), OBJECTIVES)
    return step.outcome, step.reason


def test_what_a_run_says_of_its_rate() -> None:
    assert said(recorded(*[0.1] * 100)) == (HOLDS, "")
    assert said(recorded(*[2.0] * 100)) == (FAILS, "p95 < 1 s: 2 s")
    assert said(recorded(*[0.1] * 90, failed=10)) == (FAILS, "error_rate < 5 %: 10 %")
    outcome, reason = said(recorded(*[0.1] * 90, dropped=10))
    assert outcome is FAILS
    assert reason.startswith("10 % of the arrivals found no free user")
    assert said(recorded(*[0.1] * 100), ("generator local-0: used 99 % of a core",))[0] is INVALID
    assert said(PhaseRecording())[0] is INVALID
    stuck = phase(login=tally(interrupted=5))
    stuck.arrivals = 5
    assert said(stuck)[0] is FAILS


def test_a_step_has_the_figures_of_its_run() -> None:
    step = step_of(10, result(recorded(*[0.1] * 99, failed=1)), OBJECTIVES, "live/x.ndjson")
    assert (step.achieved, step.throughput, step.error_rate, step.lost) == (10.0, 9.9, 0.01, 0.0)
    assert step.p95 == pytest.approx(0.1, rel=0.001)
    assert step.live == "live/x.ndjson"


def test_an_objective_that_says_nothing_of_a_step_makes_it_invalid() -> None:
    absent = (parse_objective("p95 of 'GET /nowhere' < 1 s"),)
    step = step_of(10, result(recorded(*[0.1] * 100)), absent)
    assert step.outcome is INVALID
    assert "no operation 'GET /nowhere' ran" in step.reason


def test_only_upper_limits_of_latency_and_errors_decide() -> None:
    texts = ["p95 < 1 s", "users >= 100", "throughput > 1/s", "error_rate <= 1 %", "p50 > 1 ms", "memory_peak < 5 MB"]
    texts += ["p95 in spike < 1 s", "error_rate in fault < 90 %"]
    assert [one.text for one in decisive(map(parse_objective, texts))] == ["p95 < 1 s", "error_rate <= 1 %"]
    with pytest.raises(UsageError, match="no objective that could tell"):
        decisive([parse_objective("users >= 100")])
