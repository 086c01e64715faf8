"""The lanes that a worker has got hold of: how it gets them, shows that it lives, and lets go of them."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from redis.exceptions import RedisError

from pytest_roo_load.ccs.commands.lane import Lane
from pytest_roo_load.ccs.commands.tickets import Ticket, Tickets
from pytest_roo_load.ccs.data import lanes as table
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import UnavailableError

# What a lost or silent PostgreSQL or Redis raises.
TROUBLE = (RedisError, OSError, TimeoutError, UnavailableError)

log = logging.getLogger("ccs.commands")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How commands are dispatched.

    Attributes:
        at_a_time: How many commands of one user run at most.
        lease_s: After how long a worker that was not seen counts as dead.
        ttl_s: How long a command waits for devices that are not connected.
    """

    at_a_time: int
    lease_s: float
    ttl_s: float


class Roster:
    """The lanes by user. Each method that asks PostgreSQL returns the lanes whose queues are to be looked at."""

    def __init__(self, database: Database, tickets: Tickets, limits: Limits) -> None:
        self.worker = tickets.worker
        self._database = database
        self._tickets = tickets
        self._limits = limits
        self._lanes: dict[str, Lane] = {}
        self._changing = asyncio.Lock()
        self._seen_at = -math.inf
        # A statement may have been carried out although its answer was lost: then this and the table may differ.
        self._in_doubt = False

    def __repr__(self) -> str:
        return f"<Roster of {self.worker}: {len(self._lanes)} lanes>"

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def __len__(self) -> int:
        return len(self._lanes)

    def get(self, user_id: str) -> Lane | None:
        """Return the lane of a user; None when this worker does not have it."""
        return self._lanes.get(user_id)

    async def heartbeat(self, now: float) -> list[Lane]:
        """Show that this worker lives, if that is due, and look for lanes that need another one."""
        if now - self._seen_at < self._limits.lease_s / 5:
            return []
        late = now - self._seen_at > self._limits.lease_s
        await table.seen(self._database, self.worker)
        self._seen_at = now
        mine = await self._compare() if late or self._in_doubt else []
        await self._expire()
        abandoned = await table.abandoned_lanes(self._database, 2 * self._limits.lease_s)
        found = await self.take([(b"", user_id) for user_id in abandoned])
        return mine + found + await self.take(await self._tickets.left_behind(self._limits.lease_s))

    async def take(self, tickets: Iterable[Ticket]) -> list[Lane]:
        """Get hold of the lanes that the tickets ask a worker for.

        If somebody alive has a lane, the ticket stays pending until that lane is empty.
        """
        by_user: dict[str, list[bytes]] = {}
        for name, user_id in tickets:
            by_user.setdefault(user_id, []).extend([name] if name else [])
        async with self._changing:
            await self._get_hold([user_id for user_id in by_user if user_id not in self._lanes])
        found = [(self._lanes[user_id], names) for user_id, names in by_user.items() if user_id in self._lanes]
        for lane, names in found:
            lane.tickets += names
        return [lane for lane, _ in found]

    async def release(self, idle: Iterable[Lane]) -> list[Lane]:
        """Let go of lanes if they are empty; return those that are not."""
        fences = {lane.user_id: lane.fence for lane in idle}
        if not fences:
            return []
        async with self._changing:
            self._in_doubt = True
            released = await table.release(self._database, fences)
            self._in_doubt = False
            gone = [self._lanes.pop(user_id) for user_id in released]
        await self._tickets.done([name for lane in gone for name in lane.tickets])
        return [lane for user_id in fences if (lane := self._lanes.get(user_id))]

    async def hand_over(self) -> None:
        """Let go of everything because this worker stops, and ask for others."""
        try:
            left = await table.hand_over(self._database, self.worker)
            await self._tickets.add(left)
            await self._tickets.done([name for lane in self for name in lane.tickets])
            await self._tickets.leave()
        except TROUBLE as error:  # the others find out by themselves
            log.warning("lanes not handed over: %s", error)

    async def _get_hold(self, user_ids: list[str]) -> None:
        if not user_ids:
            return
        self._in_doubt = True
        taken = await table.take_lanes(self._database, self.worker, user_ids, self._limits.lease_s)
        self._in_doubt = False
        for user_id, fence in taken.items():
            self._lanes[user_id] = Lane(user_id, fence, limit=self._limits.at_a_time)

    async def _compare(self) -> list[Lane]:
        """Forget lanes that were lost, and take those anew that the table says are ours."""
        async with self._changing:
            held = await table.held(self._database, self.worker)
            for user_id in [user_id for user_id, lane in self._lanes.items() if held.get(user_id) != lane.fence]:
                del self._lanes[user_id]
            unknown = [user_id for user_id in held if user_id not in self._lanes]
            self._in_doubt = False
            await self._get_hold(unknown)
        return [self._lanes[user_id] for user_id in unknown if user_id in self._lanes]

    async def _expire(self) -> None:
        offline = [device for lane in self for device in lane.offline]
        if offline:
            await table.expire_unreachable(self._database, list(self._lanes), offline, self._limits.ttl_s)
