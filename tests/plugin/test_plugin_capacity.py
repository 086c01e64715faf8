"""The fixture `capacity`, on servers whose capacity is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_roo_load.testing import OracleServer

Run = Callable[..., pytest.RunResult]
Make = Callable[..., object]

SEARCH = """
    from pytest_roo_load import arrival_rate

    async def ask(user):
        async for _ in user.iterations():
            await user.http.get("/x/1")

    def steps(rate):
        return arrival_rate(rate, "1.5 s", max_users=60, warm_up="0.5 s")
"""


def results(pytester: pytest.Pytester) -> dict[str, Any]:
    """By test, what the newest run says."""
    newest = max(pytester.path.glob(".roo/runs/*"))
    found = (json.loads(path.read_text()) for path in (newest / "results").glob("*.json"))
    return {one["test"]["name"]: one for one in found}


def test_a_known_capacity_is_found_and_remembered(make_tests: Make, run_pytest: Run, pytester: pytest.Pytester) -> None:
    """Two workers of 20 ms each: 100 requests a second, less what waking up takes on this machine.

    A rate 5 % above it is not noticed: in 2 s it makes a queue of 10 requests, which is 100 ms.
    """
    make_tests(
        SEARCH
        + """
    pytestmark = pytest.mark.sla("p95 < 100 ms", "error_rate < 1 %", "count > 0")

    def test_search(virtual_users, capacity):
        found = capacity.find(ask, steps, start="40/s", cool_down="0.3 s")
        result = virtual_users.run(ask, arrival_rate(0.8 * found.rate, "2 s", max_users=60))
        assert result.dropped == 0

    def test_again(capacity):
        assert capacity.find(ask, steps, start="40/s", cool_down="0.3 s").rate > 0
    """
    )
    with OracleServer(workers=2, delay_s=0.02) as oracle:
        outcome = run_pytest("-n2", f"--roo-target={oracle.url}")
    outcome.assert_outcomes(passed=2)
    written = results(pytester)
    (found,), (again,) = written["test_search"]["capacities"], written["test_again"]["capacities"]
    assert 70 < found["rate"] <= 107
    assert found["rate"] < found["too_much"] <= found["rate"] * 1.1
    assert again == found, "the other worker has searched"
    assert {step["outcome"] for step in found["steps"]} == {"holds", "fails"}
    assert all((Path(next(pytester.path.glob(".roo/runs/*"))) / step["live"]).exists() for step in found["steps"])
    assert len(written["test_search"]["runs"]) == 1
    assert written["test_again"]["verdict"] == "pass"
    told = [line for line in outcome.outlines if ": capacity " in line]
    assert len(told) == 2
    assert sum(f"found by {found['found_by']}" in line for line in told) == 1
    assert all("for p95 < 100 ms, error_rate < 1 %" in line for line in told)


def test_a_generator_that_is_the_limit_is_not_taken_for_the_target(
    make_tests: Make, run_pytest: Run, pytester: pytest.Pytester
) -> None:
    make_tests(
        SEARCH
        + """
    import time

    async def toil(user):
        async for _ in user.iterations():
            time.sleep(0.02)
            await user.http.get("/x/1")

    @pytest.mark.sla("p95 < 100 s")
    def test_search(capacity):
        capacity.find(toil, steps, start="200/s", cool_down=0)
    """
    )
    run_pytest().stdout.fnmatch_lines([
        "test_it.py:*: no capacity was found in 3 steps: 3 steps at 200/s were invalid, the last: generator local-0*"
    ])  # fmt: skip
    written = results(pytester)["test_search"]
    assert (written["verdict"], written["test"]["outcome"]) == ("invalid", "failed")
    assert [step["outcome"] for step in written["capacities"][0]["steps"]] == ["invalid"] * 3


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("capacity.find(ask, constant_users(3, 1))", "a capacity is searched with an open profile"),
        ("capacity.find(ask, lambda rate: constant_users(3, 1))", "a capacity is searched with an open profile"),
        ("capacity.find(ask, steps, start='soon')", "argument start: not a quantity"),
        ("capacity.find(ask, steps, tolerance='0 %')", "tolerance is out of range"),
    ],
)
def test_what_cannot_be_searched_is_refused(call: str, told: str, make_tests: Make, run_pytest: Run) -> None:
    make_tests(f"""{SEARCH}
    @pytest.mark.sla("p95 < 1 s")
    def test_search(capacity):
        {call}
    """)
    run_pytest().stdout.fnmatch_lines([f"*test_it.py:*{told}*"])


def test_a_capacity_needs_an_objective_that_decides(make_tests: Make, run_pytest: Run) -> None:
    make_tests(f"""{SEARCH}
    @pytest.mark.sla("users > 1")
    def test_search(capacity):
        capacity.find(ask, steps)
    """)
    run_pytest().stdout.fnmatch_lines(["*no objective that could tell what is too much: 'users > 1'*"])
