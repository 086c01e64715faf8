"""A fixture `target` of the user's own puts a server of the user's own in the place of ours."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import SmallServer

RunPytest = Callable[..., pytest.RunResult]
TEST = """
    def test_it(virtual_users):
        result = virtual_users.run(visit, iterations(3, users=1))
        assert result.count == 3
"""


def own_target(value: str) -> str:
    return f"import pytest\n\n\n@pytest.fixture\ndef target():\n    return {value}\n"


def run_json(pytester: pytest.Pytester) -> Any:
    [path] = pytester.path.glob(".roo/runs/*/run.json")
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_url_that_the_fixture_gives_is_measured(
    pytester: pytest.Pytester, make_tests: Callable[..., object], small_server: SmallServer
) -> None:
    make_tests(TEST, conftest=own_target(repr(small_server.url)))
    before = small_server.requests

    pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=120).assert_outcomes(passed=1)

    assert small_server.requests == before + 3
    services = run_json(pytester)["services"]
    assert list(services) == ["target"], "nothing was started"
    assert services["target"]["url"] == small_server.url
    assert not services["target"]["embedded"]


def test_nothing_that_a_user_sees_calls_it_by_the_name_of_ours(
    pytester: pytest.Pytester, make_tests: Callable[..., object], small_server: SmallServer
) -> None:
    make_tests(
        """
        @pytest.mark.sla("memory_peak < 1 B", "memory_peak of 'ccs' < 100 GB", "memory_peak of 'target' < 100 GB")
        def test_it(virtual_users):
            result = virtual_users.run(visit, constant_users(1, "3 s"))
            assert set(result.resources) == {"target", "generator"}
        """,
        conftest=own_target(repr(small_server.url)),
    )

    outcome = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=120)

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*memory_peak < 1 B *fail", "*< 100 GB *pass", "*< 100 GB *pass"])
    [page] = pytester.path.glob(".roo/runs/*/report.html")
    shown = page.read_text(encoding="utf-8")
    assert "memory of target" in shown
    for text in (outcome.stdout.str(), shown):
        named = [line for line in text.splitlines() if re.search(r"\bccs\b", line)]
        assert not [line for line in named if "memory_peak of 'ccs'" not in html.unescape(line)]


def test_it_wins_over_the_option_and_only_where_it_is_defined(
    run_pytest: RunPytest, make_tests: Callable[..., object], pytester: pytest.Pytester, small_server: SmallServer
) -> None:
    make_tests(TEST)
    own = pytester.mkdir("own")
    (own / "conftest.py").write_text(own_target('"http://127.0.0.1:9"'))
    (own / "test_own.py").write_text((pytester.path / "test_it.py").read_text())

    result = run_pytest()

    result.assert_outcomes(passed=1, errors=1)
    assert run_json(pytester)["services"]["target"]["url"] == small_server.url


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("None", "fixture target: not a URL: None (allowed: text such as http://127.0.0.1:8080)"),
        ("8080", "fixture target: not a URL: 8080*"),
        ("'127.0.0.1:80'", "fixture target: not a URL for this option: '127.0.0.1:80'*"),
        ("'http://127.0.0.1:9'", "fixture target: cannot be reached: *start it*"),
        ("'http://192.0.2.1'", "fixture target: load would leave this machine: *--roo-allow-remote 192.0.2.1"),
    ],
)
def test_what_is_no_server_of_ones_own_is_told_in_one_line(
    pytester: pytest.Pytester, make_tests: Callable[..., object], value: str, expected: str
) -> None:
    make_tests(TEST, conftest=own_target(value))

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=120)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([expected])
    result.stdout.no_fnmatch_line("*Traceback*")


ACCOUNTS = [
    {
        "user_id": f"00000000-0000-4000-8000-{number:012}",
        "email": f"user-{number}@example.org",
        "password": f"password-of-{number}",
        "device_id": f"00000000-0000-4000-9000-{number:012}",
        "token": f"token-of-{number}",
    }
    for number in range(5)
]
WITH_ACCOUNT = """
    async def show(user):
        user.record("account", user.account.email)
        await user.http.get(f"/{user.account.devices[0].token}", name="GET token")
        raise ValueError(user.account)

    def test_it(virtual_users):
        result = virtual_users.run(show, iterations(USERS, users=USERS))
        assert sorted(result.values["account"].items) == [f"user-{n}@example.org" for n in range(USERS)]
"""


def test_each_user_has_an_account_of_its_own_and_no_secret_is_kept(
    run_pytest: RunPytest, make_tests: Callable[..., object], pytester: pytest.Pytester
) -> None:
    make_tests(WITH_ACCOUNT.replace("USERS", "5"))
    (pytester.path / "accounts.json").write_text(json.dumps(ACCOUNTS), encoding="utf-8")

    run_pytest("--roo-accounts=accounts.json", "--roo-generators=2").assert_outcomes(failed=1)

    written = [path.read_text(encoding="utf-8") for path in pytester.path.glob(".roo/**/*") if path.is_file()]
    assert any("user-4@example.org" in text for text in written)
    for account in ACCOUNTS:
        for secret in (account["password"], account["token"]):
            assert not any(secret in text for text in written), secret


def test_too_few_accounts_end_the_test_before_load_is_sent(
    run_pytest: RunPytest, make_tests: Callable[..., object], pytester: pytest.Pytester, small_server: SmallServer
) -> None:
    make_tests(WITH_ACCOUNT.replace("USERS", "6"))
    (pytester.path / "accounts.json").write_text(json.dumps(ACCOUNTS), encoding="utf-8")
    before = small_server.requests

    result = run_pytest("--roo-accounts=accounts.json")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*option --roo-accounts: fewer accounts than virtual users: 5 (allowed: 6 or more*"])
    assert small_server.requests == before


@pytest.mark.parametrize("option", ["--roo-accounts=accounts.json", "--roo-target-ws=ws://127.0.0.1:PORT"])
def test_what_tells_of_a_deployment_needs_one(
    pytester: pytest.Pytester, make_tests: Callable[..., object], small_server: SmallServer, option: str
) -> None:
    option = option.replace("PORT", small_server.url.rpartition(":")[2])
    make_tests(TEST)
    (pytester.path / "accounts.json").write_text(json.dumps(ACCOUNTS), encoding="utf-8")

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", option, timeout=120)

    result.stdout.fnmatch_lines(["*tells of a deployment, but the target is our own server*"])
    assert result.parseoutcomes().get("passed") is None
