"""The faults of a load: applied at their moments, seen to have taken hold, mended, however the load ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from pytest_roo_load.core.faults.breakage import Aftermath, Breakage
from pytest_roo_load.core.faults.fault import Fault, FaultRecord
from pytest_roo_load.errors import FaultMissed, KeeperError, RooLoadError
from pytest_roo_load.keeper.journal import Journal

__all__ = ["Faults"]

MEND_S = 70.0  # above the limit for the start of a service


class Faults:
    """What is broken now, and what will be. One load at a time.

    Args:
        journal: Gets a line before anything is broken or mended.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._planned: list[_Planned] = []
        self._one_at_a_time = asyncio.Lock()

    def __repr__(self) -> str:
        broken = [str(one.record.fault) for one in self._planned if one.is_broken]
        return f"<Faults: {len(self._planned)} planned, broken now: {', '.join(broken) or 'nothing'}>"

    def begin(self, start: float, faults: Iterable[tuple[Fault, Breakage]]) -> None:
        """Carry out faults from now on, each by what is beside it; `start` is the load's on the monotonic clock.

        Raises:
            KeeperError: The faults of another load have not ended.
        """
        if self._planned:
            raise KeeperError("faults were not begun: those of another load have not ended")
        self._planned = [_Planned(fault, breakage, start, self._journal) for fault, breakage in faults]
        for one in self._planned:
            one.go()

    def records(self) -> list[FaultRecord]:
        """What has become of each so far."""
        return [one.record for one in self._planned]

    async def end(self, *, services_end: bool = False) -> list[FaultRecord]:
        """Break nothing more, mend what is broken; returns what has become of each.

        Whoever asks while that goes on waits for it, and has nothing left to hear of.

        Args:
            services_end: Do not start again what is about to be stopped, and wait for nobody who does.
        """
        if services_end:
            return await self._end(services_end=True)
        async with self._one_at_a_time:
            return await self._end(services_end=False)

    async def _end(self, *, services_end: bool) -> list[FaultRecord]:
        for one in reversed(self._planned):
            await one.end(services_end=services_end)
        records, self._planned = self.records(), []
        return records


class _Planned:
    """One fault on its way."""

    def __init__(self, fault: Fault, breakage: Breakage, start: float, journal: Journal) -> None:
        self.record = FaultRecord(fault=fault)
        self.is_broken = False
        self._breakage = breakage
        self._start = start
        self._journal = journal
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<_Planned {self.record.fault}: {'broken' if self.is_broken else 'not broken'}>"

    def go(self) -> None:
        self._task = asyncio.create_task(self._perform())

    async def end(self, *, services_end: bool) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self.is_broken and not (services_end and self._breakage.ends_processes):
            await self._mend()

    async def _perform(self) -> None:
        try:
            await self._break_and_mend()
        except Exception as error:  # noqa: BLE001 - a defect in a fault must reach the one who asked
            self.record = replace(self.record, problem=f"the keeper failed: {type(error).__name__}: {error}")

    async def _break_and_mend(self) -> None:
        fault = self.record.fault
        await self._until(fault.at_s)
        await self._break()
        if fault.until_s is not None and self.is_broken:
            await self._until(fault.until_s)
            await self._mend()
            if not self.record.problem:
                self.record = replace(self.record, ended_s=self._now())

    async def _break(self) -> None:
        fault = self.record.fault
        self._journal.write("break", fault=str(fault), target=fault.target)
        self.is_broken = True  # what was applied half is mended as well
        self.record = replace(self.record, began_s=self._now())
        try:
            evidence = await self._breakage.apply()
        except asyncio.CancelledError:
            if not self._breakage.momentary:  # a restart that is not over has no end, and nothing has recovered from it
                self.record = replace(self.record, problem="it did not take hold: the load ended before that was seen")
            raise
        except (RooLoadError, OSError) as error:
            self.record = replace(self.record, problem=f"it did not take hold: {error}")
        else:
            self.record = replace(self.record, evidence=evidence)
            if self._breakage.momentary:
                self.is_broken = False
                self.record = replace(self.record, ended_s=self._now())

    async def _mend(self) -> None:
        self._journal.write("mend", fault=str(self.record.fault), target=self.record.fault.target)
        within_s = MEND_S + float(self.record.fault.settings.get("slow_s", 0))
        try:
            async with asyncio.timeout(within_s) as limit:
                self._note(await self._breakage.undo())
        except FaultMissed as error:
            self.record = replace(self.record, evidence="", problem=f"it did not take hold: {error}")
        except (RooLoadError, OSError) as error:
            why = f" within {within_s:g} s" if limit.expired() else f": {error}"
            self.record = replace(self.record, problem=f"it could not be mended{why}")
        self.is_broken = False

    def _note(self, seen: Aftermath | None) -> None:
        if seen is None:
            return
        before = self.record.evidence  # none of what did not take hold, and it is to stay so
        evidence = f"{before}; {seen.text}" if before else ""
        self.record = replace(self.record, evidence=evidence, killed=seen.killed)

    async def _until(self, moment_s: float) -> None:
        await asyncio.sleep(max(0.0, self._start + moment_s - asyncio.get_running_loop().time()))

    def _now(self) -> float:
        return round(asyncio.get_running_loop().time() - self._start, 4)
