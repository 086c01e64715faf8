"""Under xdist measurements overlap nothing, and each test is reported once."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise

import pytest

Run = Callable[..., pytest.RunResult]
Make = Callable[..., object]

TESTS = """
    import json, time
    from pathlib import Path

    @pytest.mark.parametrize("number", range(3))
    def test_measure(virtual_users, number):
        virtual_users.run(visit, constant_users(2, "0.4 s"))

    @pytest.mark.parametrize("number", range(12))
    def test_ordinary(number):
        began = time.perf_counter()
        until = began + 0.05
        while time.perf_counter() < until:
            pass
        Path(f"interval-{number}.json").write_text(json.dumps([began, time.perf_counter()]))
"""


def test_measurements_overlap_nothing(make_tests: Make, run_pytest: Run, pytester: pytest.Pytester) -> None:
    make_tests(TESTS)
    outcome = run_pytest("-n", "4")
    outcome.assert_outcomes(passed=15)
    (directory,) = (pytester.path / ".roo/runs").iterdir()
    loaded = [json.loads(path.read_text(encoding="utf-8")) for path in directory.glob("results/*.json")]
    assert sorted(result["test"]["name"] for result in loaded) == [f"test_measure[{number}]" for number in range(3)]
    measured = sorted(result["runs"][0]["interval"] for result in loaded)
    assert all(before[1] <= after[0] for before, after in pairwise(measured))
    ordinary = [json.loads(path.read_text(encoding="utf-8")) for path in pytester.path.glob("interval-*.json")]
    assert len(ordinary) == 12
    assert not [
        (alone, other) for alone in measured for other in ordinary if alone[0] < other[1] and other[0] < alone[1]
    ]
    outcome.stdout.fnmatch_lines(["test_measure[[]0] *", "test_measure[[]1] *", "test_measure[[]2] *", "report: *"])
    assert len(list(directory.glob("report.html"))) == 1


def test_bad_input_is_told_under_xdist_too(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        @pytest.mark.sla("p96x < 3 s")
        def test_marked(virtual_users):
            pass
    """)
    outcome = run_pytest("-n", "2")
    outcome.stdout.fnmatch_lines(["*test_it.py:*unknown metric: 'p96x'*"])
    assert outcome.ret != 0


def test_a_run_without_measurements_makes_no_locks(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other(): pass")
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n", "2").assert_outcomes(passed=1)
    assert not (pytester.path / ".roo").exists()
