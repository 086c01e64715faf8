"""What xdist must not change. The fleet itself: test_plugin_fleet.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
Make = Callable[..., object]


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
