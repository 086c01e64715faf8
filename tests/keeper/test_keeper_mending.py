"""Faults are mended once, in time, and told of; on faults that break nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pytest_roo_load.core.faults.fault import Fault, FaultRecord
from pytest_roo_load.keeper.faults import Faults
from pytest_roo_load.keeper.journal import Journal


class Unhurried:
    """A fault whose mending takes a while."""

    ends_processes = True
    momentary = False

    def __init__(self) -> None:
        self.applied = asyncio.Event()

    async def apply(self) -> str:
        self.applied.set()
        return "seen"

    async def undo(self) -> None:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("slow_s", "misfire"), [(60.0, ""), (0.0, "fault 'kill x' at second 0: it could not be mended within 0 s")]
)
def test_a_slow_start_has_its_time_besides_that_for_mending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow_s: float, misfire: str
) -> None:
    async def carry_out() -> FaultRecord:
        faults = Faults(Journal(tmp_path / "journal"))
        settings = {"slow_s": slow_s} if slow_s else {}
        fault, breakage = Fault(verb="kill", target="x", at_s=0, settings=settings), Unhurried()
        faults.begin(asyncio.get_running_loop().time(), [(fault, breakage)])
        await breakage.applied.wait()
        (record,) = await faults.end()
        return record

    monkeypatch.setattr("pytest_roo_load.keeper.faults.MEND_S", 0.0)
    assert asyncio.run(carry_out()).misfire == misfire


class MendedOnce(Unhurried):
    """One that tells how often it was mended."""

    undone = 0

    async def undo(self) -> None:
        self.undone += 1
        await asyncio.sleep(0.01)


def test_what_several_ask_to_be_mended_is_mended_once_and_all_wait_for_it(tmp_path: Path) -> None:
    async def carry_out() -> list[int]:
        faults = Faults(Journal(tmp_path / "journal"))
        faults.begin(asyncio.get_running_loop().time(), [(Fault(verb="kill", target="x", at_s=0), breakage)])
        await breakage.applied.wait()
        return [len(records) for records in await asyncio.gather(faults.end(), faults.end())]

    breakage = MendedOnce()
    assert asyncio.run(carry_out()) == [1, 0]
    assert breakage.undone == 1


class NeverSeen:
    """A fault that is not seen to have taken hold while there is load."""

    ends_processes = False
    momentary = False

    def __init__(self) -> None:
        self.applying = asyncio.Event()
        self.undone = False

    async def apply(self) -> str:
        self.applying.set()
        await asyncio.Event().wait()
        return "never"

    async def undo(self) -> None:
        self.undone = True


def test_a_fault_that_the_end_of_the_load_interrupts_says_so_and_is_mended(tmp_path: Path) -> None:
    async def carry_out() -> FaultRecord:
        faults = Faults(Journal(tmp_path / "journal"))
        faults.begin(asyncio.get_running_loop().time(), [(Fault(verb="pause", target="plain", at_s=0), breakage)])
        await breakage.applying.wait()
        (record,) = await faults.end()
        return record

    breakage = NeverSeen()
    record = asyncio.run(carry_out())
    assert record.misfire.endswith("it did not take hold: the load ended before that was seen")
    assert not record.took_hold
    assert breakage.undone
