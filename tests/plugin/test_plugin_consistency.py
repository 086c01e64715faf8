"""The fixture `consistency`: what journeys observed is checked, reported, and judged with the test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., pytest.RunResult]
Make = Callable[..., object]

HONEST = """
    from pytest_roo_load import observe

    async def add(user):
        async for number in user.iterations():
            async with observe(user, "add", value=(user.id, number)):
                await user.http.get("/x/1")

    def test_it(virtual_users, consistency):
        result = virtual_users.run(add, iterations(40, users=4))
        seen = [event.value for event in result.values["history"].items]
        history = [*result.values["history"].items, reading(seen{fault})]
        found = consistency.elements(history)
        assert found.checked == 41

    def reading(seen):
        from pytest_roo_load.core.consistency.history import Event
        return Event(client="reader", kind="read", result=seen, began_s=1e12, ended_s=1e12 + 1)
"""


def written(pytester: pytest.Pytester) -> dict[str, Any]:
    (result,) = Path(pytester.path).glob(".roo/runs/*/results/*.json")
    return dict(json.loads(result.read_text()))


def test_a_promise_that_holds(make_tests: Make, run_pytest: Run, pytester: pytest.Pytester) -> None:
    make_tests(HONEST.replace("{fault}", ""))
    outcome = run_pytest()
    outcome.assert_outcomes(passed=1)
    outcome.stdout.fnmatch_lines(["test_it: every acknowledged element is there, once, and no *pass"])
    (found,) = written(pytester)["findings"]
    assert (found["verdict"], found["checked"], found["problems"]) == ("pass", 41, [])


def test_a_promise_that_is_broken(make_tests: Make, run_pytest: Run, pytester: pytest.Pytester) -> None:
    make_tests(HONEST.replace("reading(seen{fault})", "reading([one for one in seen if one != (0, 0)] + [(9, 9)])"))
    outcome = run_pytest()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(
        ["FAIL: every acknowledged element * broken over 41 operations: 1 lost, 1 invented", "*client 0: add (0, 0)*"]
    )
    result = written(pytester)
    assert (result["verdict"], result["findings"][0]["count"]) == ("fail", {"lost": 1, "invented": 1})
    (report,) = Path(pytester.path).glob(".roo/runs/*/report.html")
    text = report.read_text()
    assert "was acknowledged, and is not there at the end" in text
    assert 'class="chart history"' in text


def test_an_objective_on_consistency(make_tests: Make, run_pytest: Run, pytester: pytest.Pytester) -> None:
    make_tests("""
        from pytest_roo_load import observe

        async def draw(user):
            async for number in user.iterations():
                async with observe(user, "generate") as seen:
                    await user.http.get("/x/1")
                    seen.result = number if user.id else "the same"

        @pytest.mark.sla("consistency >= 100 %")
        def test_it(virtual_users, consistency):
            result = virtual_users.run(draw, iterations(40, users=2))
            assert consistency.unique(result).broken == 1
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*consistency >= 100 %*fail", "*no identifier is given out twice*1 duplicated"])
    (run,) = written(pytester)["runs"]
    assert (run["findings"][0]["verdict"], run["objectives"][0]["verdict"]) == ("fail", "fail")


def test_nothing_recorded_is_no_data(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        def test_it(consistency):
            consistency.registers([])
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["NO DATA: every register is linearizable: no data; nothing was recorded*"])


def test_what_is_no_history(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        def test_it(consistency):
            consistency.registers(["a", "b"])
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*fixture consistency: not a history: 'a' (allowed: the result of a run*"])
