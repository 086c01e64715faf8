"""A load that ends before its planned end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
Make = Callable[..., object]


@pytest.mark.parametrize("fleet", ["--roo-fleet=inline", "--roo-generators=2"])
def test_until_and_abort(make_tests: Make, run_pytest: Run, pytester: pytest.Pytester, fleet: str) -> None:
    make_tests("""
        def test_until(virtual_users):
            result = virtual_users.run(visit, constant_users(2, "60 s", warm_up="0.5 s"), until="count > 1")
            assert result.duration < 30 and result.count and result.ended_early

        @pytest.mark.sla("p95 < 1 us")
        def test_abort(virtual_users):
            virtual_users.run(visit, constant_users(2, "60 s"), abort_after="1 s")

        async def linger(user):
            async for _ in user.iterations():
                await user.http.get("/x/1")
                await user.think(0.1)

        def test_more_than_there_is_time_for(virtual_users):
            result = virtual_users.run(linger, iterations(1000, users=2, max_duration="1 s"))
            assert result.phases["steady"].iterations < 30

        def test_all_that_was_asked_for(virtual_users):
            assert not virtual_users.run(linger, iterations(4, users=2)).ended_early
    """)
    outcome = run_pytest(fleet)
    outcome.assert_outcomes(passed=3, failed=1)
    outcome.stdout.fnmatch_lines(
        ["FAIL: p95 < 1 us, was * (run 1, 2 users for 60 s*", "ended at second *, for p95 < 1 us was broken"]
    )
    loaded = [json.loads(path.read_text(encoding="utf-8")) for path in pytester.path.glob(".roo/runs/*/results/*.json")]
    ended_early = {result["test"]["name"]: result["runs"][0]["ended_early"] for result in loaded}
    assert [name for name, told in ended_early.items() if not told] == ["test_all_that_was_asked_for"]
    few = ended_early["test_more_than_there_is_time_for"]
    assert re.fullmatch(r"only \d+ of 1,000 iterations were done in the 1 s that they were given", few)
    outcome.stdout.fnmatch_lines([f"test_more_than_there_is_time_for: {few}"])
    [page] = pytester.path.glob(".roo/runs/*/report.html")
    assert few in page.read_text(encoding="utf-8")


def test_a_condition_that_cannot_be_used_is_told(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        def test_until(virtual_users):
            virtual_users.run(visit, constant_users(2, "1 s"), until="memory_peak > 1 GB")
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["test_it.py:*cannot be decided while the load runs: 'memory_peak > 1 GB'*"])
