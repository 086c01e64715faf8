"""Faults by groups of processes, which the kernel keeps within bounds where it lets us."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence

from pytest_roo_load.chaos.bounds import Bounds, cpu_bounds, memory_bounds
from pytest_roo_load.chaos.cgroups import Group, hierarchy_of
from pytest_roo_load.chaos.memory_use import MemoryUse, memory_use
from pytest_roo_load.core.faults.breakage import Aftermath, MakeBreakage, Patient, Victim
from pytest_roo_load.core.faults.fault import Setting
from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.errors import FaultError, ServiceError
from pytest_roo_load.keeper.identity import Identity

__all__ = ["GROUP_FAULTS", "Grouped", "QuotaCpu", "QuotaMemory"]

REMOVED_S, KILLED_S, POLL_S = 2.0, 2.0, 0.01
PASSES = 5  # children that are born meanwhile


class Grouped:
    """All processes of a patient are in a group of their own."""

    ends_processes = False
    momentary = False
    does = ""

    def __init__(self, patient: Patient, bounds: Bounds) -> None:
        self._patient = patient
        self._bounds = bounds
        self._group: Group | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._patient.name}: {self._group or 'no group'}>"

    async def apply(self) -> str:
        """Put them into it."""
        hierarchy = hierarchy_of(self._bounds.controller)
        group = self._group = Group(hierarchy, self._bounds, run=self._patient.folder.name, of=self._patient.name)
        for _ in range(PASSES):
            for pid in sorted(self._running() - group.members()):
                group.take(pid)
        ran = [victim for victim in self._patient.tree() if victim.alive]
        inside = group.members()  # after that: children are born into it all the time
        if not inside or any(victim.alive and victim.pid not in inside for victim in ran):
            raise FaultError(f"not every process of {self._patient.name} could be put into a group")
        return f"{_counted(len(inside))} of {self._patient.name} {self.does.format(self._bounds.text)}"

    async def undo(self) -> Aftermath | None:
        """Put them back, and remove the group."""
        if self._group is not None:
            self._group.empty()
            await self._removed(self._group)
        return None

    def _running(self) -> set[int]:
        return {victim.pid for victim in self._patient.tree() if victim.alive}

    async def _removed(self, group: Group) -> None:
        deadline = asyncio.get_running_loop().time() + REMOVED_S
        while not group.removed():
            if asyncio.get_running_loop().time() > deadline:
                raise FaultError(f"{group!r} could not be removed")
            await asyncio.sleep(POLL_S)
            group.empty()


class QuotaCpu(Grouped):
    """All processes of a patient together get a share of one core."""

    does = "together get {}"

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:
        super().__init__(patient, cpu_bounds(float(settings["share"])))


class QuotaMemory(Grouped):
    """All processes of a patient together may take so much more memory; the kernel kills one that takes more.

    The group is removed although some of what was charged to it is still used: the kernel keeps that account for
    itself until it is given back, and counts it for the group above, as always. It is not made to reclaim it before,
    which could take long and would slow down a service that is meant to recover.
    """

    ends_processes = True
    does = "may take {} more"

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:
        self._size_bytes = int(settings["spare"])
        self._mains: tuple[Victim, ...] = ()
        super().__init__(patient, memory_bounds(self._size_bytes))

    async def apply(self) -> str:
        """Put them into it, and look whether the kernel has taken the limit."""
        self._mains = tuple(main for main in self._patient.processes() if main.alive)
        told = await super().apply()
        if self._group is None or not memory_use(self._group).is_limited_to(self._size_bytes):
            raise FaultError(f"the kernel did not take the limit of {self._group!r}")
        return told

    async def undo(self) -> Aftermath | None:
        """Put back what has not been killed, remove the group, and start again what was killed."""
        group = self._group
        if group is None:
            return None
        inside = [found for pid in sorted(group.members()) if (found := Identity.of(pid))]
        group.empty()
        use = memory_use(group)
        await self._removed(group)
        self._group = None
        if use.limit_bytes is None:  # it was never made
            return None
        text = _told(use)
        if use.killed and not all(main.alive for main in self._mains):
            try:
                await self._started_again(inside)
            except (FaultError, ServiceError) as error:
                raise FaultError(f"{text}; {error}") from error
            text += f", and {self._patient.name} was started again"
        return Aftermath(text=text, killed=use.killed)

    async def _started_again(self, inside: Sequence[Identity]) -> None:
        """End what dead parents have left, and start what has ended."""
        below = {victim.pid for victim in self._patient.tree()}
        left = [one for one in inside if one.pid not in below]
        for one in left:
            one.signal(signal.SIGKILL)
        deadline = asyncio.get_running_loop().time() + KILLED_S
        while any(one.alive for one in left):
            if asyncio.get_running_loop().time() > deadline:
                raise FaultError(f"process {left[0].pid} went on after {KILLED_S:g} s")
            await asyncio.sleep(POLL_S)
        await self._patient.restart()


def _counted(number: int) -> str:
    return f"{number} process{'' if number == 1 else 'es'}"


def _told(use: MemoryUse) -> str:
    """How near they came, as the report has it."""
    most = "how much of it they took is not known to this kernel"
    if use.peak_bytes is not None:
        most = f"they took {format_quantity(use.peak_bytes, Dimension.SIZE)} of it at most"
    ended = f"{use.killed or 'none'} {'was' if use.killed <= 1 else 'were'} killed by the kernel for it"
    return f"{most}; {ended}"


GROUP_FAULTS: Mapping[str, MakeBreakage] = {"quota_cpu": QuotaCpu, "quota_memory": QuotaMemory}
