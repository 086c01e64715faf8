"""What a user sees of objectives: in the outcome, in the text, in the result file, in the report."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., pytest.RunResult]
Make = Callable[..., object]


def results(pytester: pytest.Pytester) -> dict[str, Any]:
    """Test name → content of its result file."""
    files = pytester.path.glob(".roo/runs/*/results/*.json")
    loaded = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    return {result["test"]["name"]: result for result in loaded}


def test_an_objective_that_holds_passes_and_is_written(
    make_tests: Make, run_pytest: Run, pytester: pytest.Pytester
) -> None:
    make_tests("""
        @pytest.mark.sla("p95 < 3 s", "users >= 5", "error_rate < 1 %")
        def test_fine(virtual_users):
            result = virtual_users.run(visit, constant_users(5, "1 s", warm_up="0.4 s"))
            assert result.users == 5 and result.verdict.value == "pass" and result.meets("throughput > 1 /s")
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(passed=1)
    outcome.stdout.fnmatch_lines(
        ["roo-load: standard scale against http://127.0.0.1:*", "test_fine *pass", "report: *"]
    )
    measured = results(pytester)["test_fine"]
    assert measured["verdict"] == "pass"
    (run,) = measured["runs"]
    assert [objective["verdict"] for objective in run["objectives"]] == ["pass"] * 3
    assert run["objectives"][0]["source"].startswith("test_it.py:")
    steady = next(phase for phase in run["phases"] if phase["name"] == "steady")
    assert steady["operations"]["GET /x/:id"]["count"] == steady["statistics"]["count"] > 0
    lines = (pytester.path / ".roo/runs").glob("*/live/*.ndjson")
    assert len(next(lines).read_text(encoding="utf-8").splitlines()) == len(run["timeline"]["t"]) >= 2


def test_what_a_green_verdict_does_not_say_is_told(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        async def stumble(user):
            answer = await user.http.get("/x/1")
            answer.json()["nothing of this name"]

        def test_unjudged(virtual_users):
            virtual_users.run(stumble, iterations(5, users=1))

        @pytest.mark.sla("p99 < 3 s")
        def test_few(virtual_users):
            assert list(virtual_users.run(visit, iterations(5, users=1)).values) == []
    """)
    outcome = run_pytest("--no-header")
    outcome.assert_outcomes(passed=2)
    outcome.stdout.fnmatch_lines(
        [
            "test_unjudged: 5 operations failed, and no objective looks at that: KeyError: *nothing of this name*",
            "test_few: p99 < 3 s: 5 samples do not bound p99 from above; it takes *",
        ]
    )


def test_an_objective_that_is_missed_fails_with_a_table(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        @pytest.mark.sla("p95 < 1 us")
        def test_slow(virtual_users):
            virtual_users.run(visit, constant_users(2, "0.5 s"))
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.re_match_lines([
        r"FAIL: p95 < 1 us, was .* (ms|µs) \(run 1, 2 users for 500 ms, by 1 local process\)",
        r"  objective   measured  95 % interval +margin +verdict",
        r"  p95 < 1 us  .* (ms|µs) +(.* to .*|from .*) -\d+% +fail",
        r"worst of 1 operations:",
        r"  GET /x/:id ",
        r"report: .*report.html",
    ])  # fmt: skip


def test_no_samples_is_no_data_and_fails(make_tests: Make, run_pytest: Run, pytester: pytest.Pytester) -> None:
    make_tests("""
        async def idle(user):
            async for _ in user.iterations():
                await user.think(0.01)

        def test_idle(virtual_users):
            virtual_users.run(idle, constant_users(2, "0.5 s"))

        @pytest.mark.sla("p95 < 1 s")
        def test_without_a_run(virtual_users):
            pass

        @pytest.mark.sla("p95 of 'GET /other' < 1 s")
        def test_other_operation(virtual_users):
            virtual_users.run(visit, constant_users(2, "0.5 s"))
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(failed=3)
    outcome.stdout.fnmatch_lines([
        "NO DATA: *run 1, 2 users*", "*no operation ended in the steady phase*",
        "*the test ended without a run()*",
        "*no operation 'GET /other' ran in steady; those that did: 'GET /x/:id'*",
    ])  # fmt: skip
    assert {result["verdict"] for result in results(pytester).values()} == {"no data"}


def test_a_journey_that_always_raises(make_tests: Make, run_pytest: Run, pytester: pytest.Pytester) -> None:
    make_tests("""
        async def broken(user):
            raise RuntimeError("it does not work")

        def test_broken(virtual_users):
            result = virtual_users.run(broken, constant_users(3, "0.6 s"))
            assert result.error_rate == 1.0 and result.users == 0
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines([
        "*no operation of the steady phase succeeded", "* x RuntimeError, for example:",
        "*Traceback (most recent call last):", '*test_it.py", line *, in broken', "*RuntimeError: it does not work",
    ])  # fmt: skip
    (run,) = results(pytester)["test_broken"]["runs"]
    errors = run["phases"][0]["statistics"]["errors"]
    assert errors["RuntimeError"]["count"] == run["phases"][0]["statistics"]["failed"] >= 3
    assert "closed.py" not in errors["RuntimeError"]["exemplar"]


def test_own_assertions_come_first_and_keep_the_table(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        @pytest.mark.sla("p95 < 1 us")
        def test_own(virtual_users):
            result = virtual_users.run(visit, constant_users(2, "0.5 s"))
            assert result.users == 77
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*assert 2 == 77*", "*Captured sla call*", "FAIL: *run 1, *"])


def test_every_run_of_a_test_is_judged(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        @pytest.mark.sla("users >= 3")
        def test_twice(virtual_users):
            virtual_users.run(visit, constant_users(3, "0.4 s"))
            virtual_users.run(visit, constant_users(2, "0.4 s"))
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["PASS: run 1, 3 users*", "FAIL: *run 2, 2 users*", "test_twice run 2 *fail"])


def test_iterations_are_done_exactly(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        async def once(user):
            await user.http.get("/x/1")
            user.record("who", user.id)

        @pytest.mark.parametrize("journey", [visit, once], ids=["loop", "call"])
        def test_count(virtual_users, journey):
            result = virtual_users.run(journey, iterations(101, users=7))
            assert result.count == 101 and result.steady.iterations == 101
            if journey is once:
                assert len(result.values["who"].items) == 101
    """)
    run_pytest("--roo-generators=2").assert_outcomes(passed=2)
    run_pytest("--roo-fleet=inline").assert_outcomes(passed=2)


def test_the_report_shows_the_figures_of_the_result(
    make_tests: Make, run_pytest: Run, pytester: pytest.Pytester
) -> None:
    make_tests("""
        @pytest.mark.sla("p95 < 3 s")
        def test_shown(virtual_users):
            virtual_users.run(visit, constant_users(3, "1 s"))
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(passed=1)
    report = html.unescape(next(pytester.path.glob(".roo/runs/*/report.html")).read_text(encoding="utf-8"))
    statistics = results(pytester)["test_shown"]["runs"][0]["phases"][0]["statistics"]
    from pytest_roo_load.core.units import Dimension, format_quantity  # noqa: PLC0415

    for name in ("p50", "p95", "p99"):
        assert format_quantity(statistics[name], Dimension.TIME) in report
    assert f"{statistics['count']:,}" in report


def test_our_count_is_the_servers_count(
    make_tests: Make, run_pytest: Run, pytester: pytest.Pytester, small_server: Any
) -> None:
    make_tests("""
        def test_count(virtual_users):
            virtual_users.run(visit, iterations(250, users=5))
    """)
    before = small_server.requests
    run_pytest().assert_outcomes(passed=1)
    counted = results(pytester)["test_count"]["runs"][0]["phases"][0]["statistics"]["count"]
    assert small_server.requests - before == counted == 250


def test_too_many_names_are_told_of(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        async def scatter(user):
            for number in range(250):
                await user.http.get(f"/x/{user.id}", name=f"name {number}")

        def test_names(virtual_users):
            virtual_users.run(scatter, iterations(1))
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(passed=1, warnings=1)
    outcome.stdout.fnmatch_lines(["*test_it.py:*RooLoadWarning: more than 200 names of operations*"])


def test_there_are_no_more_generators_than_users(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        def test_few(virtual_users):
            result = virtual_users.run(visit, iterations(10, users=1))
            assert result.count == 10 and len(result.generators) == 1
    """)
    run_pytest("--roo-generators=3").assert_outcomes(passed=1)
