"""What is lost on the way is never a pass, and the report says what it was."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
Make = Callable[..., object]


@pytest.mark.parametrize(
    ("instances", "told"), [(1, "*process 'ccs' was gone*"), (2, "*one of the processes 'ccs' was gone*")]
)
def test_a_target_that_dies_makes_everything_invalid_also_when_others_go_on(
    make_tests: Make, pytester: pytest.Pytester, instances: int, told: str
) -> None:
    make_tests("""
        import os, signal, threading

        async def look(user):
            async for _ in user.iterations():
                await user.http.get("/health")
                await user.think(0.01)

        @pytest.mark.sla("p95 < 3 s", "memory_peak < 500 MB", "cpu_mean < 100 %")
        def test_dies(virtual_users, target):
            threading.Timer(2.5, os.kill, (target.pids[0], signal.SIGKILL)).start()
            virtual_users.run(look, constant_users(3, "5 s"))
    """)
    outcome = pytester.runpytest_subprocess("-p", "no:cacheprovider", f"--roo-instances={instances}", timeout=60)
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*p95 < 3 s *invalid", "*memory_peak < 500 MB *invalid", told])
    (result,) = pytester.path.glob(".roo/runs/*/results/*.json")
    assert json.loads(result.read_text(encoding="utf-8"))["verdict"] == "invalid"


def test_an_instance_that_a_fault_ends_is_not_lost(make_tests: Make, pytester: pytest.Pytester) -> None:
    make_tests("""
        async def look(user):
            async for _ in user.iterations():
                await user.http.get("/health")
                await user.think(0.01)

        @pytest.mark.sla("error_rate < 50 %")
        def test_goes_on(virtual_users, faults):
            outage = faults.at("1 s").kill("ccs-2").then_after("1 s").restart("ccs-2")
            result = virtual_users.run(look, constant_users(3, "4 s"), faults=outage)
            assert result.lost == ()
            assert max(second.resources["ccs"].ended for second in result.timeline) == 1
    """)
    outcome = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--roo-instances=2", timeout=60)
    outcome.assert_outcomes(passed=1)


@pytest.mark.parametrize(("method", "fleet"), [("signal", "local"), ("thread", "local"), ("thread", "inline")])
def test_pytest_timeout_ends_a_load(
    make_tests: Make, run_pytest: Run, pytester: pytest.Pytester, method: str, fleet: str
) -> None:
    make_tests("""
        def test_long(virtual_users):
            virtual_users.run(visit, constant_users(2, "60 s"))
    """)
    outcome = run_pytest("--timeout=2", f"--timeout-method={method}", f"--roo-fleet={fleet}")
    assert outcome.ret != 0
    assert "Timeout" in outcome.stdout.str() + outcome.stderr.str()
    lines = [path.read_text(encoding="utf-8").count("\n") for path in pytester.path.glob(".roo/runs/*/live/*")]
    assert all(count < 30 for count in lines)


def test_a_test_that_skips_itself_is_told_as_such(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        def test_skips(virtual_users):
            pytest.skip("not today")
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(skipped=1)
    outcome.stdout.fnmatch_lines(["test_skips *skipped"])


def test_a_failed_assertion_after_a_good_run_shows_in_the_table(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        @pytest.mark.sla("p95 < 3 s")
        def test_own(virtual_users):
            virtual_users.run(visit, constant_users(2, "0.4 s"))
            assert False
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["test_own *pass, but the test failed"])


def test_a_run_folder_that_cannot_be_made_ends_the_run(make_tests: Make, run_pytest: Run) -> None:
    make_tests("def test_any(virtual_users): pass")
    outcome = run_pytest("--roo-directory=/proc/roo")
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(["*no run directory can be made*--roo-directory*"])
    outcome.stderr.no_fnmatch_line("*INTERNALERROR*")
