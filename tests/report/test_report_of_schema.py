"""The report understands what the schema writes: the two are written apart and must not drift apart."""

import dataclasses
import json
from pathlib import Path

import pytest
from page_reader import read_page
from sample_runs import run_json, write

from pytest_roo_load.core.recording import ErrorCount, Recording, Tally
from pytest_roo_load.core.result import ResourceUse, Result, result_of
from pytest_roo_load.core.timeline import ProcessUse, Second
from pytest_roo_load.core.validity import Health
from pytest_roo_load.report.html import write_report
from pytest_roo_load.report.schema import RunRecord, measurement

FACTS = {"id": "tests/test_a.py::test_a", "name": "test_a", "file": "tests/test_a.py", "line": 1, "attempt": 1}
TEST = {**FACTS, "worker": None, "outcome": "passed", "message": "", "scenario": None}


def measured() -> Result:
    recording = Recording()
    for name, low in (("warm_up", 0.5), ("steady", 0.1)):
        phase = recording.phase(name)
        tally = Tally(started=12, errors={"timeout": ErrorCount(count=1, exemplar="after 10 s")})
        tally.ok.add([low + second / 100 for second in range(10)])
        tally.failed.add([10.0])
        phase.operations["GET /"] = tally
        phase.checks["it is so"] = [3, 1]
        phase.users = 4
        phase.turns = {0: 3, 1: 5}
    use = ProcessUse(memory_bytes=50_000_000, cpu_s=1.0, processes=1)
    return result_of(
        recording,
        {"warm_up": (0.0, 2.0), "steady": (2.0, 7.0)},
        resources={"ccs": ResourceUse(memory_peak=50_000_000, cpu_mean=0.25, cores=2, looks=5)},
        generators=(
            Health(name="inline", pid=1, lag_p95_s=0.001, lag_max_s=0.002, starved=0.0, cpu=0.1, gc_pause_max_s=0),
        ),
        timeline=[Second(t=t, phase="steady", users=4, resources={"ccs": use}) for t in range(7)],
    )


def record(result: Result | None) -> RunRecord:
    return RunRecord(
        number=1,
        journeys={"browse": 1.0},
        profile="4 users for 5 s",
        fleet="inline",
        seed=1,
        started_at="2026-11-23T22:15:00+00:00",
        interval=(0.0, 7.0),
        live="live/test_a-1-1.ndjson",
        result=result,
        problem="" if result else "generator local-0 died",
    )


def test_a_measured_run_is_reported_with_its_figures(tmp_path: Path) -> None:
    content = json.loads(json.dumps(measurement(TEST, [record(measured())])))
    document = read_page(write_report(write(tmp_path / "run", run_json(), [content])).read_text(encoding="utf-8"))

    (row,) = document.table("All tests")
    assert (row["users"], row["per second"], row["p50"], row["error rate"]) == ("4", "2/s", "140 ms", "9.09 %")
    assert (row["CPU of the target"], row["memory of the target"]) == ("25 %", "50 MB")
    (operation,) = document.table("Operations in the steady phase")
    assert (operation["operation"], operation["ended"], operation["failed"]) == ("GET /", "11", "1")
    assert [error["phase"] for error in document.table("Errors")] == ["warm up", "steady"]


def test_a_run_that_was_given_up_is_reported_with_the_reason(tmp_path: Path) -> None:
    content = json.loads(json.dumps(measurement(TEST, [record(None)])))
    document = read_page(write_report(write(tmp_path / "run", run_json(), [content])).read_text(encoding="utf-8"))

    assert document.table("All tests")[0]["verdict"] == "! invalid"
    assert "generator local-0 died" in document.with_id("test-1").text


def test_the_spread_of_iterations_over_users_is_written() -> None:
    *_, steady = measurement(TEST, [record(measured())])["runs"][0]["phases"]

    assert steady["fairness"] == {"users": 2, "least": 3, "p5": 3, "median": 3, "p95": 5, "most": 5, "gini": 0.125}


def test_the_share_of_the_cpu_is_that_between_two_looks_also_when_one_came_late() -> None:
    looks = [(1.0, 1.0), (1.0, 1.0), (3.0, 2.0), (3.9, 2.9), None, (6.0, 0.5), (7.0, 1.0), (7.0, 1.0)]
    seconds = []
    for t, look in enumerate(looks):
        looked_s, cpu_s = look or (5.0, 0.0)
        use = {"ccs": ProcessUse(memory_bytes=1, cpu_s=cpu_s, processes=1)} if look else {}
        seconds.append(Second(t=t, phase="steady", resources=use, looked_s=looked_s))
    result = dataclasses.replace(measured(), timeline=seconds)

    (run,) = measurement(TEST, [record(result)])["runs"]

    shares = run["timeline"]["resources"]["ccs"]["cpu"]
    assert shares == [None, pytest.approx(0.25), pytest.approx(0.25), pytest.approx(0.5), None, None, 0.25, None]


def test_what_was_known_in_any_second_is_written_of_each() -> None:
    uses = (
        ProcessUse(memory_bytes=1, cpu_s=1.0, processes=1, descriptors=9, unique_bytes=5, connections=2),
        ProcessUse(memory_bytes=2, cpu_s=1.0, processes=1, descriptors=8),
    )
    seconds = [Second(t=t, phase="steady", resources={"ccs": use}) for t, use in enumerate(uses)]
    seconds.append(Second(t=2, phase="steady"))
    (run,) = measurement(TEST, [record(dataclasses.replace(measured(), timeline=seconds))])["runs"]
    written = run["timeline"]["resources"]["ccs"]
    del written["cpu"]
    assert written == {
        "memory": [1, 2, None],
        "unique_memory": [5, None, None],
        "descriptors": [9, 8, None],
        "connections": [2, None, None],
    }
