"""What a target does not offer is told with the answer that it gave, and is never a pass."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., pytest.RunResult]
Make = Callable[..., object]
ANSWER = "GET /commands/stats: status 404 404: Not Found"
JOURNEYS = """
    from pytest_roo_load.clients.ccs import needs

    @needs("commands")
    async def command(user):
        await user.http.get("/x/never")
"""
ACCOUNT = {
    "user_id": "00000000-0000-4000-8000-000000000001",
    "email": "ada@example.org",
    "password": "password-of-ada",
    "device_id": "00000000-0000-4000-8000-000000000002",
    "token": "token-of-ada",
}


@pytest.fixture
def measured(
    make_tests: Make, run_pytest: Run, pytester: pytest.Pytester
) -> Callable[[str], tuple[pytest.RunResult, Any, str]]:
    """Runs a test at the small server, which is no CCS; what pytest said, the result file and the report."""

    def measure(test: str) -> tuple[pytest.RunResult, Any, str]:
        make_tests(textwrap.dedent(JOURNEYS) + textwrap.dedent(test))
        entries = [ACCOUNT | {"user_id": ACCOUNT["user_id"][:-1] + str(number)} for number in range(4)]
        (pytester.path / "accounts.json").write_text(json.dumps(entries), encoding="utf-8")
        outcome = run_pytest("--roo-accounts=accounts.json", "-rs")
        [result] = pytester.path.glob(".roo/runs/*/results/*.json")
        [report] = pytester.path.glob(".roo/runs/*/report.html")
        return outcome, json.loads(result.read_text(encoding="utf-8")), report.read_text(encoding="utf-8")

    return measure


def test_a_journey_that_needs_it_is_left_out_and_the_rest_is_measured(measured: Any) -> None:
    outcome, result, report = measured("""
        def test_mix(virtual_users):
            result = virtual_users.run({visit: 1, command: 1}, constant_users(4, "0.5 s"))
            assert list(result.operations) == ["GET /x/:id"]
    """)
    outcome.assert_outcomes(skipped=1)
    text = f"not offered: commands ({ANSWER}); without it: command"
    assert (result["test"]["outcome"], result["test"]["message"]) == ("not offered", text)
    assert result["verdict"] == "pass"
    outcome.stdout.fnmatch_lines(["test_mix *pass, but not all of it offered", f"SKIPPED*{text}"])
    assert "1 not offered by the target" in report
    assert text in report
    assert "0 of 1 test met its SLA" in report


@pytest.mark.parametrize(
    "test",
    [
        """
        def test_all(virtual_users):
            virtual_users.run(command, constant_users(2, "0.5 s"))
        """,
        """
        @pytest.mark.needs("commands")
        def test_all(virtual_users):
            virtual_users.run(visit, constant_users(2, "0.5 s"))
        """,
    ],
    ids=["journey", "marker"],
)
def test_a_test_of_which_nothing_is_left_is_not_run(measured: Any, test: str) -> None:
    outcome, result, report = measured(test)
    outcome.assert_outcomes(skipped=1)
    assert (result["test"]["outcome"], result["runs"]) == ("not offered", [])
    assert ANSWER in result["test"]["message"]
    outcome.stdout.fnmatch_lines(["test_all *not offered", f"SKIPPED*not offered: commands ({ANSWER})*"])
    assert ANSWER in report
    assert "token-of-ada" not in report


def test_a_failure_stays_one(measured: Any) -> None:
    outcome, result, _ = measured("""
        @pytest.mark.sla("p95 < 1 us")
        def test_mix(virtual_users):
            virtual_users.run({visit: 1, command: 1}, constant_users(4, "0.5 s"))
    """)
    outcome.assert_outcomes(failed=1)
    assert (result["test"]["outcome"], result["verdict"]) == ("failed", "fail")
    assert result["test"]["message"].endswith(f"not offered: commands ({ANSWER}); without it: command")


def test_a_feature_that_nobody_knows_ends_the_run(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        @pytest.mark.needs("comands")
        def test_all(virtual_users):
            virtual_users.run(visit, constant_users(2, "0.5 s"))
    """)
    outcome = run_pytest()
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stdout.fnmatch_lines(
        ["*test_it.py:*marker needs: unknown feature of a CCS: 'comands' (allowed: commands, *"]
    )
