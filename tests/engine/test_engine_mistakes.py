from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import pytest_roo_load as roo
from pytest_roo_load.core.units import duration
from pytest_roo_load.engine.mistakes import mistake_in
from pytest_roo_load.errors import UsageError

HERE = os.path.relpath(__file__)


def raised(call: Callable[[], object]) -> Exception:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is, is what is looked at
        return error
    raise AssertionError("nothing was raised")


def told(call: Any) -> str:
    return str(mistake_in(raised(call)))


def call_ones_own() -> object:
    """A function of a user's own, of the name of one of ours."""

    def spike(users: int) -> int:
        return users

    return spike(user=1)  # type: ignore[call-arg]


def test_a_call_with_an_argument_that_there_is_not() -> None:
    def call() -> object:
        return roo.spike(1, 2, befor="1 s", spike="1 s", after="1 s")  # type: ignore[call-arg]

    line = call.__code__.co_firstlineno + 1
    allowed = "users, peak, before, spike, after"
    expected = f"no such argument of spike(): 'befor' (allowed: {allowed}); did you mean before?"
    assert told(call) == f"{HERE}:{line}: {expected}"


def test_a_class_of_ours() -> None:
    assert "of LeakLimits(): 'grwth' (allowed: warm_up_s, " in told(lambda: roo.LeakLimits(grwth=1))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "call",
    [
        call_ones_own,
        lambda: int("1", bas=8),  # type: ignore[call-overload]
        lambda: 1 + "1",  # type: ignore[operator]
        lambda: int("x"),
    ],
    ids=["own function of a name of ours", "the library's", "no call", "another error"],
)
def test_what_is_no_mistake_of_that_kind(call: Callable[[], object]) -> None:
    assert mistake_in(raised(call)) is None


def test_a_usage_error_gets_the_users_line_and_can_travel() -> None:
    error = mistake_in(raised(lambda: duration(lambda: 1, name="pause")))  # type: ignore[arg-type]
    assert error is not None
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, UsageError)
    assert str(again) == str(error)
    assert "<lambda>" in str(error)


def test_a_place_that_is_known_stays() -> None:
    error = UsageError("wrong", value=1, allowed="2", place="sla.toml:3")
    assert str(mistake_in(error)) == "sla.toml:3: wrong: 1 (allowed: 2)"
    assert str(mistake_in(UsageError("wrong", value=1, allowed="2"), "journey x")) == "journey x: wrong: 1 (allowed: 2)"
