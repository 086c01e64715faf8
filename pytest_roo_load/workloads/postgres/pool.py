"""Connections that the users of one generator share."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import perf_counter

from pytest_roo_load.core.ports import Recorder
from pytest_roo_load.errors import OperationError
from pytest_roo_load.workloads.postgres.connection import Connection

__all__ = ["POOLS", "Pool", "Pools"]

WAIT = "wait for a connection"


class Pool:
    """Up to `size` connections, opened when they are first needed; who waits longest is served first.

    Args:
        size: The most connections.
        connect: Opens one.
    """

    def __init__(self, size: int, connect: Callable[[], Awaitable[Connection]]) -> None:
        self.size = size
        self._connect = connect
        self._free: list[Connection] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._lent = 0

    def __repr__(self) -> str:
        return f"<Pool of {self.size}: {len(self._free)} free, {self._lent} lent, {len(self._waiting)} waiting>"

    @asynccontextmanager
    async def lend(self, recorder: Recorder) -> AsyncIterator[Connection]:
        """A connection for as long as the context lasts; one whose use ended in an error is closed.

        The time until there is one is recorded as the group "wait for a connection".
        """
        slot = recorder.group_slot(WAIT)
        slot.started += 1
        began = perf_counter()
        connection = await self._take()
        slot.ok.append(perf_counter() - began)
        try:
            yield connection
        except BaseException:
            self._give_back()
            await connection.close()
            raise
        self._free.append(connection)
        self._give_back()

    async def _take(self) -> Connection:
        while self._lent >= self.size:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        self._lent += 1
        if self._free:
            return self._free.pop()
        try:
            return await self._connect()
        except BaseException:
            self._give_back()
            raise

    def _give_back(self) -> None:
        self._lent -= 1
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def close(self) -> None:
        """Close what is not lent."""
        while self._free:
            await self._free.pop().close()


class Pools:
    """The pools of a process: users of one run find theirs by its name, and the last of them closes it."""

    def __init__(self) -> None:
        self._pools: dict[str, tuple[Pool, int]] = {}

    def __repr__(self) -> str:
        return f"<Pools of {', '.join(self._pools) or 'nobody'}>"

    def join(self, run: str, make: Callable[[], Pool]) -> Pool:
        """Be a user of the run's pool, which is made for the first."""
        pool, users = self._pools.get(run) or (make(), 0)
        self._pools[run] = pool, users + 1
        return pool

    async def leave(self, run: str) -> None:
        """Be no user of it any more."""
        pool, users = self._pools[run]
        if users > 1:
            self._pools[run] = pool, users - 1
            return
        del self._pools[run]
        await pool.close()


POOLS = Pools()


async def timed_connect(connect: Callable[[], Awaitable[Connection]], recorder: Recorder) -> Connection:
    """Open a connection; its time is recorded as the group "connect"."""
    slot = recorder.group_slot("connect")
    slot.started += 1
    began = perf_counter()
    try:
        connection = await connect()
    except OperationError as error:
        slot.fail(perf_counter() - began, error.kind, str(error))
        raise
    slot.ok.append(perf_counter() - began)
    return connection
