"""A fixture `target` of the user's own puts a server of the user's own in the place of ours."""

from __future__ import annotations

import json
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
    assert list(services) == ["ccs"], "nothing was started"
    assert services["ccs"]["url"] == small_server.url
    assert not services["ccs"]["embedded"]


def test_it_wins_over_the_option_and_only_where_it_is_defined(
    run_pytest: RunPytest, make_tests: Callable[..., object], pytester: pytest.Pytester, small_server: SmallServer
) -> None:
    make_tests(TEST)
    own = pytester.mkdir("own")
    (own / "conftest.py").write_text(own_target('"http://127.0.0.1:9"'))
    (own / "test_own.py").write_text((pytester.path / "test_it.py").read_text())

    result = run_pytest()

    result.assert_outcomes(passed=1, errors=1)
    assert run_json(pytester)["services"]["ccs"]["url"] == small_server.url


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
