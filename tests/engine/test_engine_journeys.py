from __future__ import annotations

import asyncio
import functools
import io
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_lab import FLEETS, measure

from pytest_roo_load.core.profiles import iterations
from pytest_roo_load.engine.journeys import check_journeys, pack, unpack
from pytest_roo_load.errors import UsageError

SEEN: list[int] = []
LOCK = threading.Lock()
LIMIT = 3
_HERE = re.escape(__file__)


def sync_journey(user: Any) -> None:
    del user


async def no_user() -> None:
    pass


async def two(user: Any, other: Any) -> None:
    del user, other


async def uses_global(user: Any) -> None:
    SEEN.append(user.id)


def remember(number: int) -> None:
    SEEN.append(number)


def indirectly(number: int) -> None:
    remember(number)


async def uses_helper(user: Any) -> None:
    indirectly(user.id)


async def nested_code(user: Any) -> None:
    def inner() -> None:
        SEEN.append(user.id)

    inner()


async def with_default(user: Any, seen: list[int] = []) -> None:  # noqa: B006 - the mistake that is tested
    seen.append(user.id)


async def with_argument(user: Any, seen: Any) -> None:
    del user, seen


async def uses_lock(user: Any) -> None:
    with LOCK:
        user.record("x", 1)


def closing_over(value: Any) -> Callable[..., Any]:
    async def journey(user: Any) -> None:
        user.record("value", value)

    return journey


def decorated(value: Any) -> Callable[..., Any]:
    async def inner(user: Any) -> None:
        user.record("inner", 1)

    @functools.wraps(inner)
    async def outer(user: Any) -> None:
        value.append(1)
        await inner(user)

    return outer


@pytest.mark.parametrize(
    ("journey", "names"),
    [
        pytest.param(sync_journey, "sync_journey", id="sync"),
        pytest.param(no_user, "no_user", id="no argument"),
        pytest.param(two, "two", id="two arguments"),
        pytest.param(uses_global, "SEEN", id="module global"),
        pytest.param(uses_helper, "SEEN", id="helper of a helper"),
        pytest.param(nested_code, "SEEN", id="nested code"),
        pytest.param(with_default, "seen", id="default argument"),
        pytest.param(functools.partial(with_argument, seen=[]), "seen", id="partial"),
        pytest.param(closing_over([1]), "value", id="closure over a list"),
        pytest.param(closing_over({}), "value", id="closure over a dict"),
        pytest.param(closing_over({1}), "value", id="closure over a set"),
        pytest.param(closing_over(io.StringIO()), "value", id="closure over a file"),
        pytest.param(decorated([]), "value", id="decorator"),
        pytest.param(uses_lock, "LOCK", id="lock"),
        pytest.param(closing_over(threading.Lock()), "value", id="closure over a lock"),
        pytest.param(closing_over(number for number in range(3)), "value", id="closure over a generator"),
    ],
)
@pytest.mark.parametrize("fleet", ["inline", "one process"])
def test_a_journey_that_cannot_travel_is_an_error_that_names_what_and_where(
    journey: Any, names: str, fleet: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=rf"^{_HERE}:\d+: .*: '{names}' \(allowed"):
        measure(journey, iterations(1), FLEETS[fleet](), tmp_path / "live")


@pytest.mark.parametrize("nothing", [{}, [], [uses_lock], 7, None, "journey", asyncio.sleep(0).close])
def test_what_is_no_journey_at_all(nothing: Any) -> None:
    with pytest.raises(UsageError, match="journey"):
        check_journeys(nothing)


@pytest.mark.parametrize("weight", [0, -1, True, "1", float("nan"), float("inf")])
def test_a_weight_is_a_number_above_zero(weight: Any) -> None:
    with pytest.raises(UsageError, match=rf"^{_HERE}:\d+: weight is out of range"):
        check_journeys({closing_over(1): weight})


@pytest.fixture
def local_module(tmp_path: Path) -> Iterator[Any]:
    """A module that only `sys.path` leads to."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "roo_local_module.py").write_text("ITEMS = [1]\ndef answer():\n    return 42\n", encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        import roo_local_module  # type: ignore[import-not-found]  # noqa: PLC0415 - made a moment ago

        yield roo_local_module
    finally:
        sys.path.remove(str(folder))
        del sys.modules["roo_local_module"]


def helper(number: int) -> int:
    return number + LIMIT


async def uses_constants(user: Any) -> None:
    user.record("value", helper(7))


async def with_number(user: Any, number: int) -> None:
    user.record("value", number)


@pytest.mark.parametrize("fleet", ["inline", "two processes"])
def test_what_can_travel_survives_the_trip(fleet: str, tmp_path: Path, local_module: Any) -> None:
    async def imports(user: Any) -> None:
        user.record("value", local_module.answer())

    async def recursive(user: Any) -> None:
        def count(down: int) -> int:
            return down and 1 + count(down - 1)

        user.record("value", count(5))

    expected = {
        uses_constants: 10,
        functools.partial(with_number, number=11): 11,
        closing_over((1, "two")): (1, "two"),
        imports: 42,
        recursive: 5,
    }
    for journey, value in expected.items():
        result = measure(journey, iterations(1), FLEETS[fleet](), tmp_path / "live")
        assert not result.errors, result.errors
        assert result.values["value"].items == [value]


def test_weights_decide_which_journey_a_user_performs(tmp_path: Path) -> None:
    async def often(user: Any) -> None:
        user.record("often", user.id)

    async def seldom(user: Any) -> None:
        user.record("seldom", user.id)

    result = measure({often: 3, seldom: 1}, iterations(4, users=4), FLEETS["two processes"](), tmp_path / "live")
    assert len(set(result.values["often"].items)) >= len(set(result.values["seldom"].items))
    assert set(result.values["often"].items) | set(result.values["seldom"].items) == {0, 1, 2, 3}


def test_packing_leaves_no_trace_in_cloudpickle() -> None:
    import cloudpickle  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415 - looked at by this test alone

    before = set(cloudpickle.list_registry_pickle_by_value())
    (again,) = unpack(pack([uses_constants]))
    assert again is not uses_constants
    assert set(cloudpickle.list_registry_pickle_by_value()) == before
