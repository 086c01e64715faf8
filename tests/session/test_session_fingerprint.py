"""Which functions do the same."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_roo_load.core.profiles import arrival_rate
from pytest_roo_load.session.fingerprint import fingerprint


@dataclass(frozen=True)
class Settings:
    size: int


class Counter:
    def __init__(self) -> None:
        self.count = 0


def made(captured: Any) -> Callable[..., Any]:
    async def journey(user: Any) -> Any:
        return await user.http.get(f"/{captured}")

    return journey


def with_default(captured: Any) -> Callable[..., Any]:
    def journey(user: Any, size: Any = captured, *, more: Any = captured) -> Any:
        return user, size, more

    return journey


def decorated(captured: Any) -> Callable[..., Any]:
    inner = made(captured)

    @functools.wraps(inner)
    async def journey(user: Any) -> Any:
        return await inner(user)

    return journey


def partial(captured: Any) -> Callable[..., Any]:
    return functools.partial(Settings, captured)


def profile(captured: Any) -> Callable[..., Any]:
    return lambda rate: arrival_rate(rate, "1 s", max_users=100 if rate <= 10 else captured)


MAKERS = (made, with_default, decorated, partial, profile)


@pytest.mark.parametrize("make", MAKERS)
def test_what_a_function_holds_tells_it_from_others(make: Callable[[Any], Any]) -> None:
    values = [
        1,
        2,
        "1",
        b"1",
        None,
        True,
        1.0,
        (1,),
        [1],
        {"a": 1},
        {"a": 2},
        {1, 2},
        Settings(1),
        Settings(2),
        made(3),
    ]
    assert len({fingerprint(make(value)) for value in values}) == len(values)
    assert all(fingerprint(make(value)) == fingerprint(make(value)) for value in values)


@pytest.mark.parametrize("make", MAKERS)
def test_what_cannot_be_compared_is_unlike_any_other(make: Callable[[Any], Any]) -> None:
    counter = Counter()
    assert fingerprint(make(counter)) != fingerprint(make(counter))


def test_functions_of_other_code_are_others() -> None:
    def wrapped(user: Any) -> Any:
        return user

    assert len({fingerprint(one) for one in (made(1), decorated(1), partial(1), wrapped, lambda user: [user])}) == 5


def test_a_function_that_holds_itself() -> None:
    def again(number: int) -> int:
        return again(number - 1) if number else 0

    assert fingerprint(again) == fingerprint(again)


def test_another_process_comes_to_the_same() -> None:
    program = "import test_session_fingerprint as t; print(t.fingerprint(t.decorated({'a': {'x', 'y', 'z'}})))"
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parent,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
