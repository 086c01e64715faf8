"""Faults by groups of processes, which the kernel keeps within bounds where it lets us."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pytest_roo_load.chaos.cgroups import CpuGroup, cpu_hierarchy
from pytest_roo_load.core.faults.breakage import MakeBreakage, Patient
from pytest_roo_load.core.faults.fault import Setting
from pytest_roo_load.errors import FaultError

__all__ = ["GROUP_FAULTS", "QuotaCpu"]

REMOVED_S, POLL_S = 2.0, 0.01
PASSES = 5  # children that are born meanwhile


class QuotaCpu:
    """All processes of a patient together get a share of one core."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:
        self._patient = patient
        self._share = float(settings["share"])
        self._group: CpuGroup | None = None

    def __repr__(self) -> str:
        return f"<QuotaCpu of {self._patient.name}: {self._group or 'no group'}>"

    async def apply(self) -> str:
        """Put them into a group of their own."""
        name = f"{self._patient.folder.name}-{self._patient.name}"
        self._group = CpuGroup(cpu_hierarchy(), name, self._share)
        for _ in range(PASSES):
            outside = {victim.pid for victim in self._patient.tree()} - self._group.members()
            for pid in sorted(outside):
                self._group.take(pid)
        inside = self._group.members()
        if not inside or not {victim.pid for victim in self._patient.tree() if victim.alive} <= inside:
            raise FaultError(f"not every process of {self._patient.name} could be put into a group")
        many = f"{len(inside)} process{'' if len(inside) == 1 else 'es'}"
        return f"{many} of {self._patient.name} together get {self._share:.0%} of a core"

    async def undo(self) -> None:
        """Put them back, and remove the group."""
        if self._group is None:
            return
        deadline = asyncio.get_running_loop().time() + REMOVED_S
        self._group.empty()
        while not self._group.removed():
            if asyncio.get_running_loop().time() > deadline:
                raise FaultError(f"{self._group!r} could not be removed")
            await asyncio.sleep(POLL_S)
            self._group.empty()


GROUP_FAULTS: Mapping[str, MakeBreakage] = {"quota_cpu": QuotaCpu}
