"""Generators as child processes of this one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from time import perf_counter

from pytest_roo_load.engine.fleet.strategy import Observer
from pytest_roo_load.engine.fleet.wire import Done, Failed, Go, Ready, Report, Stop, Task, Wire
from pytest_roo_load.engine.shard import Outcome, Shard
from pytest_roo_load.errors import GeneratorError

__all__ = ["LocalFleet"]

_READY_S = 60.0
_HEAD_START_S = 0.05


class LocalFleet:
    """See `Fleet`: `count` child processes, new for each run, so that no run inherits another's heap."""

    def __init__(self, count: int) -> None:
        self.names = tuple(f"local-{number}" for number in range(count))
        self._children: list[_Child] = []

    def __repr__(self) -> str:
        return f"<LocalFleet of {len(self.names)}>"

    def __str__(self) -> str:
        return f"{len(self.names)} local process{'es' if len(self.names) > 1 else ''}"

    async def perform(self, shard: Shard, observer: Observer) -> list[Outcome]:
        """See `Fleet`."""
        async with contextlib.AsyncExitStack() as stack:
            children = [await stack.enter_async_context(_child(part)) for part in shard.split(self.names)]
            self._children = children
            await asyncio.gather(*(child.expect_ready() for child in children))
            start = perf_counter() + _HEAD_START_S
            for child in children:
                child.wire.send(Go(start))
            observer.started(start, tuple(child.pid for child in children))
            outcomes = await asyncio.gather(*(child.outcome(observer) for child in children))
            await observer.ended(max(outcome.ended_s for outcome in outcomes))
            return outcomes

    def stop(self) -> None:
        """See `Fleet`."""
        for child in self._children:
            child.wire.send(Stop())


class _Child:
    """One generator process and the wire to it."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], wire: Wire) -> None:
        self._name = name
        self._process = process
        self.pid = process.pid
        self.wire = wire

    async def expect_ready(self) -> None:
        try:
            async with asyncio.timeout(_READY_S):
                await self._receive()
        except TimeoutError:
            raise GeneratorError(f"generator {self._name} was not ready within {_READY_S:.0f} s") from None

    async def outcome(self, observer: Observer) -> Outcome:
        while True:
            match await self._receive():
                case Report(second):
                    observer.second(self._name, second)
                case Done(outcome):
                    return outcome
                case _:
                    raise GeneratorError(f"generator {self._name} sent something unexpected")

    async def _receive(self) -> Ready | Report | Done:
        try:
            message = await self.wire.receive()
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise GeneratorError(
                f"generator {self._name} (process {self.pid}) died with exit status {self._process.wait()}; "
                "what it had measured is lost, so the run is invalid"
            ) from error
        if isinstance(message, Failed):
            raise GeneratorError(f"generator {self._name} could not go on:\n{message.text}")
        assert isinstance(message, Ready | Report | Done)
        return message


@contextlib.asynccontextmanager
async def _child(shard: Shard) -> AsyncIterator[_Child]:
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
            yield _Child(shard.name, process, wire)
        finally:
            await wire.close()
    finally:
        process.kill()
        process.wait()
        mine.close()
