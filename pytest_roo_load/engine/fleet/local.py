"""Generators as child processes of this one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

from pytest_roo_load.engine.fleet.remote import Remote, lead
from pytest_roo_load.engine.fleet.strategy import Observer
from pytest_roo_load.engine.fleet.wire import Task, Wire
from pytest_roo_load.engine.shard import Outcome, Shard

__all__ = ["LocalFleet"]


class LocalFleet:
    """See `Fleet`: `count` child processes, new for each run, so that no run inherits another's heap."""

    def __init__(self, count: int) -> None:
        self.names = tuple(f"local-{number}" for number in range(count))
        self._children: list[Remote] = []

    def __repr__(self) -> str:
        return f"<LocalFleet of {len(self.names)}>"

    def __str__(self) -> str:
        return f"{len(self.names)} local process{'es' if len(self.names) > 1 else ''}"

    async def perform(self, shard: Shard, observer: Observer) -> list[Outcome]:
        """See `Fleet`."""
        async with contextlib.AsyncExitStack() as stack:
            self._children = [await stack.enter_async_context(_child(part)) for part in shard.split(self.names)]
            return await lead(self._children, observer)

    def stop(self) -> None:
        """See `Fleet`."""
        for child in self._children:
            child.stop()

    def steer(self, from_s: float, rate: float) -> None:
        """See `Fleet`."""
        for child in self._children:
            child.steer(from_s, rate)


@contextlib.asynccontextmanager
async def _child(shard: Shard) -> AsyncIterator[Remote]:
    """A child process that has its shard; killed when the context ends."""
    mine, its = socket.socketpair()
    with its:
        process = subprocess.Popen(  # noqa: ASYNC220 - takes a millisecond, before any load
            [sys.executable, "-P", "-m", "pytest_roo_load.engine.fleet.process", str(its.fileno())],
            pass_fds=(its.fileno(),),
            stdin=subprocess.DEVNULL,
        )
    try:
        wire = Wire(*await asyncio.open_connection(sock=mine))
        try:
            wire.send(Task(shard))
            yield Remote(shard.name, wire, lambda: f" with exit status {process.wait()}")
        finally:
            await wire.close()
    finally:
        process.kill()
        process.wait()
        mine.close()
