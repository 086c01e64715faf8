"""What a user does who sends commands from one device to be executed on another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

from pytest_roo_load.clients.ccs import CCS, Device, Session, needs
from pytest_roo_load.clients.ccs.device import Task
from pytest_roo_load.core.ports import User
from pytest_roo_load.errors import OperationError, OperationTimeout
from pytest_roo_load.workloads.commands.bulk import Bulk

__all__ = ["COMPLETED", "TALLIES", "Part", "Tally", "operate"]

TALLIES = "roo.commands.tallies"
COMPLETED = "command from queue to completion"
_NOT_ENDED = ("queued", "routing", "executing")
_PAUSE_S, _PATIENCE_S, _QUIET_S = 0.2, 60.0, 5.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Travels to generators.

    Attributes:
        prefix: How the idempotency keys of this run begin.
        disturbed: Whether something is broken meanwhile: then a user tries again instead of giving up.
    """

    prefix: str
    bulk: int
    by_server: float
    disturbed: bool


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one user knows of its commands.

    Attributes:
        queued: Commands that the server has acknowledged.
        on_device: Of these, the ones for the device.
        executed: Keys that the device has executed; it executes none twice.
        again: Commands that came to the device again.
        late: Commands that came after one that they should have come before.
        strange: Commands that came and had not been queued.
        effects: Effects that the server has of the user's commands; None when it could not be asked.
    """

    queued: int = 0
    on_device: int = 0
    executed: int = 0
    again: int = 0
    late: int = 0
    strange: int = 0
    effects: int | None = None


@needs("commands", "websocket")
async def operate(part: Part, user: User) -> None:
    """Queue bulks of commands, execute them on another device, and ask the server what became of all."""
    operator = _Operator(part, user)
    try:
        await operator.begin()
        await operator.work()
    finally:
        user.record(TALLIES, operator.tally)


class _Operator:
    def __init__(self, part: Part, user: User) -> None:
        self._part = part
        self._user = user
        self._sender: Session
        self._executor: Session
        self._before: Mapping[str, Any] = {}
        self._device: Device | None = None
        self._done: dict[str, Any] = {}
        self.tally = Tally()

    def __repr__(self) -> str:
        return f"<_Operator {self._user.id}, {self.tally}>"

    async def begin(self) -> None:
        account = CCS(self._user)
        self._sender, self._executor = await account.login("mobile"), await account.login("desktop")
        self._device = await self._executor.connect()
        self._before = await self._sender.command_stats()  # an account may have a history

    async def work(self) -> None:
        """All bulks; what the server has of them is known also when one does not come to its end."""
        try:
            async for number in self._user.iterations():
                await self.operate(f"{self._part.prefix}{self._user.id}-{number}-")
            await self.ask()
        except OperationTimeout:
            await self.look()
            raise

    async def operate(self, prefix: str) -> None:
        """One bulk, from the request until all of it has been executed."""
        part, tally = self._part, self.tally
        bulk = Bulk.made(
            prefix, part.bulk, device=self._executor.device_id, by_server=part.by_server, draw=self._user.random
        )
        began = perf_counter()
        await self._insist(lambda: self._sender.commands(bulk.bodies))
        tally.queued += len(bulk.bodies)
        tally.on_device += len(bulk.expected)
        await self._execute(bulk, began)
        tally.again += bulk.again
        tally.strange += bulk.strange
        tally.late += 0 if part.disturbed else bulk.late()

    async def _execute(self, bulk: Bulk, began: float) -> None:
        slot = self._user.recorder.group_slot(COMPLETED)
        slot.started += len(bulk.expected)
        until = perf_counter() + _PATIENCE_S
        while not bulk.is_complete and perf_counter() < until:
            task = await self._insist(self._next)
            if task.key in self._done and task.key not in bulk.expected:
                self.tally.again += 1  # of an earlier bulk, as after a crash
            else:
                bulk.see(task)
            if task.key not in self._done:
                self._done[task.key] = {"place": len(self._done)}
                self.tally.executed += 1
                slot.ok.append(perf_counter() - began)
            if self._device is not None:
                self._device.complete(task, self._done[task.key])

    async def _next(self) -> Task:
        if self._device is None:
            self._device = await self._executor.connect()
        try:
            task = await self._device.next_task(_QUIET_S)
            self._device.accept(task)
        except OperationTimeout:
            raise  # quiet is no lost connection
        except OperationError:
            self._device = None
            raise
        return task

    async def ask(self) -> None:
        """What the server says of all commands, once every one has ended."""
        until = perf_counter() + _PATIENCE_S
        while perf_counter() < until:
            if await self.look() <= 0 and (self.tally.effects or 0) >= self.tally.queued:
                return
            if self._device is not None:
                await self._report_again()
            await asyncio.sleep(_PAUSE_S)

    async def look(self) -> int:
        """Count the effects; how many of our commands have not ended."""
        stats = await self._insist(self._sender.command_stats)
        self.tally.effects = int(stats["effects"]) - int(self._before["effects"])
        return _not_ended(stats) - _not_ended(self._before)

    async def _report_again(self) -> None:
        """A command that comes again after a crash is reported again, and not executed again."""
        assert self._device is not None
        try:
            task = await self._device.next_task(_PAUSE_S)
        except OperationTimeout:
            return
        except OperationError:
            self._device = await self._insist(self._executor.connect)
            return
        self._device.accept(task)
        self.tally.again += 1
        self._device.complete(task, self._done.get(task.key))

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask, again and again where something is broken on purpose."""
        until = perf_counter() + _PATIENCE_S
        while True:
            try:
                return await ask()
            except OperationError:
                if not self._part.disturbed or perf_counter() > until:
                    raise
            await asyncio.sleep(_PAUSE_S)


def _not_ended(stats: Mapping[str, Any]) -> int:
    by_status = stats.get("by_status", {})
    return sum(int(by_status.get(status, 0)) for status in _NOT_ENDED)
