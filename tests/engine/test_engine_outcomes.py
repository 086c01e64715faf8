"""What journeys record comes home from every fleet as what it was."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
from engine_lab import FLEETS, measure

from pytest_roo_load.clients.observing import observe
from pytest_roo_load.core.consistency.history import HISTORY
from pytest_roo_load.core.profiles import iterations
from pytest_roo_load.errors import UsageError

_HERE = Path(__file__).parent
_FLEETS = ("inline", "two processes", "three stations")
_USERS = 4


class Operation(StrEnum):
    BUY = "buy"


class Colour(Enum):
    RED = 1


class Row(NamedTuple):
    number: int


@dataclass(frozen=True, slots=True)
class Order:
    pieces: int
    colour: Colour = Colour.RED

    def doubled(self) -> Order:
        return Order(2 * self.pieces)


class Refused(Exception):
    pass


class Late(Exception):
    """Can be pickled, but not unpickled."""

    def __init__(self, after: float, *, why: str) -> None:
        super().__init__(after)
        self.why = why


async def buys(user: Any) -> None:
    async with user.group(Operation.BUY):
        user.check(True, Operation.BUY)  # noqa: FBT003 - the outcome
    user.record("order", Order(1).doubled())
    user.record("row", Row(7))
    user.record("colour", Colour.RED)
    user.record("error", Refused("no"))
    user.record("class", Order)
    async with observe(user, "write", key="x", value=Order(3)):
        slot = user.recorder.slot(Operation.BUY)
        slot.started += 1
        slot.ok.append(0.001)


@pytest.mark.parametrize("fleet", _FLEETS)
def test_values_are_of_the_classes_of_the_test_module(fleet: str, tmp_path: Path) -> None:
    method = Order.doubled
    result = measure(buys, iterations(_USERS, users=_USERS), FLEETS[fleet](), tmp_path / "live")
    values = result.values
    assert result.errors == {}
    assert [(name, one.count) for name, one in result.operations.items()] == [("buy", _USERS)]
    assert [event.value for event in values[HISTORY]] == [Order(3)] * _USERS
    assert values["order"].items == [Order(2)] * _USERS
    assert values["row"].items == [Row(7)] * _USERS
    assert all(type(row) is Row for row in values["row"])
    assert all(colour is Colour.RED for colour in values["colour"])
    assert [type(error) for error in values["error"]] == [Refused] * _USERS
    assert all(one is Order for one in values["class"])
    assert Order.doubled is method, "what comes home puts nothing in the place of what is there"


@pytest.mark.parametrize("fleet", _FLEETS)
def test_values_are_of_classes_that_a_function_made(fleet: str, tmp_path: Path) -> None:
    @dataclass
    class Local:
        number: int

    async def records(user: Any) -> None:
        class Inner:
            number = user.id

        user.record("local", Local(user.id))
        user.record("inner", Inner())

    values = measure(records, iterations(_USERS, users=_USERS), FLEETS[fleet](), tmp_path / "live").values
    assert sorted(one.number for one in values["inner"]) == list(range(_USERS))
    assert sorted(values["local"].items, key=lambda one: one.number) == [Local(number) for number in range(_USERS)]


@pytest.mark.parametrize("fleet", _FLEETS)
def test_classes_of_the_language_and_of_packages_are_themselves(fleet: str, tmp_path: Path) -> None:
    async def records(user: Any) -> None:
        user.record("class", (int, type(None), type(...), SimpleNamespace, FunctionType, Path, UsageError))

    values = measure(records, iterations(1, users=1), FLEETS[fleet](), tmp_path / "live").values
    assert values["class"].items == [(int, type(None), type(...), SimpleNamespace, FunctionType, Path, UsageError)]


@pytest.mark.parametrize("fleet", _FLEETS)
def test_the_class_of_a_later_load_is_as_the_test_has_changed_it(
    fleet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in (1, 2):
        monkeypatch.setattr(Refused, "limit", limit, raising=False)

        async def tells(user: Any) -> None:
            user.record("limit", Refused.limit)  # type: ignore[attr-defined]

        values = measure(tells, iterations(3, users=3), FLEETS[fleet](), tmp_path / "live").values
        assert values["limit"].items == [limit] * 3


@pytest.mark.parametrize("fleet", ["InlineFleet()", "LocalFleet(1)"])
def test_values_are_of_the_classes_of_main(fleet: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        textwrap.dedent(f"""
            import pathlib
            from dataclasses import dataclass
            from engine_lab import measure
            from pytest_roo_load.core.profiles import iterations
            from pytest_roo_load.engine.fleet.inline import InlineFleet
            from pytest_roo_load.engine.fleet.local import LocalFleet

            @dataclass
            class Order:
                pieces: int

            async def buys(user):
                user.record("order", Order(3))

            if __name__ == "__main__":
                (order,) = measure(buys, iterations(1, users=1), {fleet}, pathlib.Path("live")).values["order"].items
                print(type(order) is Order, order)
        """),
        encoding="utf-8",
    )
    run = subprocess.run(
        [sys.executable, "main.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(_HERE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout, run.stderr) == ("True Order(pieces=3)\n", "")


@pytest.mark.parametrize("fleet", _FLEETS)
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (threading.Lock, r"user\.record: .*cannot travel to the test: odd: lock .*record what the test needs"),
        (lambda: Late(1.0, why="because"), r"user\.record: .*cannot travel to the test: a value .*Late.*why"),
    ],
    ids=["not to be pickled", "not to be unpickled"],
)
def test_a_value_that_cannot_come_home_is_told(fleet: str, make: Any, message: str, tmp_path: Path) -> None:
    async def records(user: Any) -> None:
        user.record("plain", 1)
        user.record("odd", make())

    with pytest.raises(UsageError, match=message):
        measure(records, iterations(1, users=1), FLEETS[fleet](), tmp_path / "live")
