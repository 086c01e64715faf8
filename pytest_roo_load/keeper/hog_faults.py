"""Faults of the whole machine: processes of the keeper's that use it up, within bounds."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from pytest_roo_load.core.faults.fault import Setting
from pytest_roo_load.core.recipe import Command
from pytest_roo_load.errors import FaultError
from pytest_roo_load.keeper.processes import Child
from pytest_roo_load.keeper.service import Stage

__all__ = ["HOG_FAULTS", "Hogs"]

PROGRAM = "pytest_roo_load.chaos.hog"
FOLDER = "hogs"
SEEN_S, POLL_S = 5.0, 0.02
MOST_MEMORY = 0.8  # of what is available


class Hogs:
    """Some processes that each use up something.

    Args:
        stage: Starts and ends them.
        arguments: Of each process.
        enough: Whether one of them, by its pid, has been seen to use what it should.
    """

    ends_processes = False
    momentary = False

    def __init__(self, stage: Stage, arguments: list[tuple[str, str]], enough: Callable[[int], bool]) -> None:
        self._stage = stage
        self._arguments = arguments
        self._enough = enough
        self._children: list[Child] = []

    def __repr__(self) -> str:
        return f"<Hogs: {len(self._children)} of {len(self._arguments)} run>"

    async def apply(self) -> str:
        """Start them and wait until each is seen to work."""
        (self._stage.folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
        for kind, amount in self._arguments:
            command = Command(argv=(sys.executable, "-P", "-m", PROGRAM, kind, amount), environment=os.environ)
            child = self._stage.processes.spawn(command, self._stage.logs / "hogs.log")
            self._children.append(child)
            self._stage.journal.write("started", service=FOLDER, pid=child.pid, started=child.identity.started)
        deadline = asyncio.get_running_loop().time() + SEEN_S
        while not all(self._enough(child.pid) for child in self._children):
            if asyncio.get_running_loop().time() > deadline or any(child.exit_status for child in self._children):
                raise FaultError(f"they did not get it within {SEEN_S:g} s: {self._output()}")
            await asyncio.sleep(POLL_S)
        kind, amount = self._arguments[0]
        return f"{len(self._children)} processes use {kind} ({Path(amount).name} each)"

    async def undo(self) -> None:
        """End them, and delete what they have written."""
        while self._children:
            await self._stage.processes.stop(self._children.pop())
        for kind, amount in self._arguments:
            if kind == "disk":
                _delete(amount)

    def _output(self) -> str:
        return "; ".join(child.output().strip()[-200:] for child in self._children) or "nothing was written"


def _delete(name: str) -> None:
    Path(name).unlink(missing_ok=True)


def _cpu(stage: Stage, settings: Mapping[str, Setting]) -> Hogs:
    def computes(pid: int) -> bool:
        return sum(psutil.Process(pid).cpu_times()[:2]) > 0.0

    return Hogs(stage, [("cpu", str(settings["share"]))] * int(settings["processes"]), computes)


def _memory(stage: Stage, settings: Mapping[str, Setting]) -> Hogs:
    size = int(settings["size"])
    most = int(psutil.virtual_memory().available * MOST_MEMORY)
    if size > most:
        raise FaultError(f"{size:,} bytes are more than {MOST_MEMORY:.0%} of what is available, {most:,}")

    def has_it(pid: int) -> bool:
        return int(psutil.Process(pid).memory_info().rss) >= size

    return Hogs(stage, [("memory", str(size))], has_it)


def _disk(stage: Stage, settings: Mapping[str, Setting]) -> Hogs:
    folder = stage.folder / FOLDER
    files = [("disk", str(folder / f"hog-{number}")) for number in range(int(settings["processes"]))]

    def writes(pid: int) -> bool:
        return int(psutil.Process(pid).io_counters().write_bytes) > 0

    return Hogs(stage, files, writes)


HOG_FAULTS: Mapping[str, Callable[[Stage, Mapping[str, Setting]], Hogs]] = {
    "hog_cpu": _cpu,
    "hog_memory": _memory,
    "hog_disk": _disk,
}
