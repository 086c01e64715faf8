"""Tickets: entries of one Redis stream, each of which says that a user's lane has work and needs a worker.

The consumer group hands a ticket to one worker. A ticket stays pending until the lane is empty, so that the tickets of
a worker that died are claimed by the others. PostgreSQL knows the same; Redis may lose every ticket.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

STREAM, GROUP = "ccs:commands", "workers"
_AT_ONCE = 100
_BLOCK_MS = 500

Ticket = tuple[bytes, str]


class Tickets:
    """The stream as ``worker`` sees it. Errors are those of Redis."""

    def __init__(self, redis: Redis, worker: str) -> None:
        self._redis = redis
        self.worker = worker
        self._ready = False

    def __repr__(self) -> str:
        return f"<Tickets for {self.worker}>"

    async def add(self, user_ids: Iterable[str]) -> None:
        """Ask for a worker for each of these users' lanes."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for user_id in user_ids:
                pipeline.xadd(STREAM, {"user": user_id})
            await pipeline.execute()

    async def next(self) -> list[Ticket]:
        """Return new tickets; waits for some, though not for long."""
        try:
            await self._prepare()
            found: Any = await self._redis.xreadgroup(
                GROUP, self.worker, {STREAM: ">"}, count=_AT_ONCE, block=_BLOCK_MS
            )
        except ResponseError:  # Redis has forgotten the group
            self._ready = False
            return []
        return _tickets(entries for _, entries in found)

    async def left_behind(self, idle_s: float) -> list[Ticket]:
        """Return tickets that were given to somebody at least ``idle_s`` ago and are pending still."""
        await self._prepare()
        try:
            found: Any = await self._redis.xautoclaim(
                STREAM, GROUP, self.worker, min_idle_time=int(idle_s * 1000), count=_AT_ONCE
            )
        except ResponseError:
            self._ready = False
            return []
        return _tickets([found[1]])

    async def done(self, ticket_ids: Sequence[bytes]) -> None:
        """Remove tickets whose lanes are empty."""
        if ticket_ids:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.xack(STREAM, GROUP, *ticket_ids)
                pipeline.xdel(STREAM, *ticket_ids)
                await pipeline.execute()

    async def leave(self) -> None:
        """Leave the group; what was pending is forgotten by it."""
        with suppress(ResponseError):
            await self._redis.xgroup_delconsumer(STREAM, GROUP, self.worker)

    async def _prepare(self) -> None:
        if self._ready:
            return
        try:
            await self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._ready = True


def _tickets(batches: Iterable[Any]) -> list[Ticket]:
    # An entry that was deleted while it was pending has no fields.
    return [(name, fields[b"user"].decode()) for entries in batches for name, fields in entries if fields]
