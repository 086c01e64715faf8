"""The workers of pytest-xdist as generators: each has a `Station`, and the one whose test measures leads."""

from __future__ import annotations

import asyncio
import contextlib
import re
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from pytest_roo_load.engine.fleet.remote import Remote, lead
from pytest_roo_load.engine.fleet.strategy import Observer
from pytest_roo_load.engine.fleet.wire import Task, Wire
from pytest_roo_load.engine.shard import Outcome, Shard
from pytest_roo_load.errors import GeneratorError

__all__ = ["WorkerFleet"]


class WorkerFleet:
    """See `Fleet`.

    Args:
        folder: Where the stations' sockets are, each under its worker's name.
        leader: The worker of this very process. It generates as well, but is the first to be spared.
        most: How many generators there may be at most.
    """

    def __init__(self, folder: Path, leader: str, most: int) -> None:
        others = sorted((path.name for path in folder.glob("*") if path.name != leader), key=_number)
        self.names = tuple(sorted([*others, leader][:most], key=_number))
        self._folder = folder
        self._remotes: list[Remote] = []

    def __repr__(self) -> str:
        return f"<WorkerFleet of {', '.join(self.names)}>"

    def __str__(self) -> str:
        return f"{len(self.names)} xdist worker{'s' if len(self.names) > 1 else ''}"

    async def perform(self, shard: Shard, observer: Observer) -> list[Outcome]:
        """See `Fleet`. A worker that has died before the load begins is no part of the fleet."""
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(_warnings_as_elsewhere())
            wires = {}
            for name in self.names:
                with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                    wires[name] = await stack.enter_async_context(_wire(self._folder / name))
            if not wires:
                raise GeneratorError("no worker of this run can generate load: all their generators have ended")
            self.names = tuple(wires)
            for part in shard.split(self.names):
                wires[part.name].send(Task(part))
            self._remotes = [Remote(name, wire) for name, wire in wires.items()]
            return await lead(self._remotes, observer)

    def stop(self) -> None:
        """See `Fleet`."""
        for remote in self._remotes:
            remote.stop()

    def steer(self, from_s: float, rate: float) -> None:
        """See `Fleet`."""
        for remote in self._remotes:
            remote.steer(from_s, rate)


@contextlib.asynccontextmanager
async def _wire(path: Path) -> AsyncIterator[Wire]:
    wire = Wire(*await asyncio.open_unix_connection(path))
    try:
        yield wire
    finally:
        await wire.close()


@contextlib.contextmanager
def _warnings_as_elsewhere() -> Iterator[None]:
    """The filters of a new process: the test's own, such as pytest's "error", hold for every thread of this one."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        yield


def _number(name: str) -> tuple[int, str]:
    """Workers in the order of their numbers: gw2 before gw10."""
    digits = re.search(r"\d+$", name)
    return int(digits[0]) if digits else 0, name
