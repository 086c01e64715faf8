"""The text of a test that missed its objectives."""

from __future__ import annotations

from pytest_roo_load.core.recording import ErrorCount, PhaseRecording, Recording, Tally
from pytest_roo_load.core.result import Result, result_of
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.report.schema import RunRecord
from pytest_roo_load.session.failure import explain, failed

LONG = "\n".join(f"line {number}" for number in range(40))


def record(*objectives: str, ok: tuple[float, ...] = (), broken: int = 0) -> RunRecord:
    tally = Tally(started=len(ok) + broken)
    tally.ok.add(ok)
    tally.failed.add([0.1] * broken)
    if broken:
        tally.errors["timeout"] = ErrorCount(count=broken, exemplar=LONG)
    recording = Recording(phases={"steady": PhaseRecording(operations={"GET /": tally}, users=3)})
    result: Result = result_of(
        recording, {"steady": (0.0, 1.0)}, objectives=tuple(parse_objective(text) for text in objectives)
    )
    return RunRecord(
        number=1, journeys={}, profile="3 users", fleet="inline", seed=1, started_at="", interval=(0.0, 1.0),
        live="", result=result,
    )  # fmt: skip


def test_a_missed_objective_is_a_row_with_what_was_measured() -> None:
    text = explain([record("p95 < 1 ms", "users >= 3", ok=(0.02, 0.03))], "report.html")
    assert "p95 < 1 ms" in text
    assert "30 ms" in text
    assert "-2900%" in text
    assert text.endswith("report: report.html")


def test_errors_come_with_an_exemplar_that_is_cut() -> None:
    text = explain([record("error_rate < 1 %", ok=(0.02,), broken=7)], "report.html")
    assert "7 x timeout, for example:" in text
    assert "line 0" in text
    assert "28 more lines in the report" in text


def test_no_run_and_no_success_are_failures() -> None:
    assert failed([])
    assert failed([record(broken=2)])
    assert failed([record()])
    assert not failed([record(ok=(0.1,))])
    assert "no operation of the steady phase succeeded" in explain([record(broken=2)], "")
    assert "without a run()" in explain([], "")


def test_a_run_that_was_given_up_says_why() -> None:
    given_up = RunRecord(
        number=2, journeys={}, profile="3 users", fleet="inline", seed=1, started_at="", interval=(0.0, 1.0), live="",
        result=None, problem="generator local-0 died",
    )  # fmt: skip
    assert explain([given_up], "").startswith("INVALID: run 2, 3 users, by inline\ngenerator local-0 died")
