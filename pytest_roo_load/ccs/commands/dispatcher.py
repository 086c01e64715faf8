"""The worker of this instance: serves lanes, one statement for all of them at a time.

Everything that happens (a ticket, a device's answer, a deadline) changes a `Lane` and leaves an `Outcome`; `_turn`
writes all outcomes that have gathered, claims what there is room for, and sends it out.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from pytest_roo_load.ccs.commands.command import SERVER, Claimed, Effect, Outcome
from pytest_roo_load.ccs.commands.delivery import Delivery
from pytest_roo_load.ccs.commands.lane import Lane, in_order
from pytest_roo_load.ccs.commands.tickets import Ticket, Tickets
from pytest_roo_load.ccs.data import lanes as table
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.envelope import dumps
from pytest_roo_load.ccs.errors import UnavailableError
from pytest_roo_load.ccs.metrics import Metrics

_SWEEP_S = 0.2
_PAUSE_S = 0.5
_TROUBLE = (RedisError, OSError, TimeoutError, UnavailableError)
_LONGEST_ERROR = 1000

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


def new_worker(instance_id: str) -> str:
    """Return a name for a worker that no other one has had, not even an earlier one of this instance."""
    return f"{instance_id}:{secrets.token_hex(4)}"


def instance_of(worker: str) -> str:
    """Return the instance that a worker belongs to."""
    return worker.rpartition(":")[0]


class Dispatcher:
    """Serves the lanes that it has got hold of; `run` does the work."""

    def __init__(
        self, *, limits: Limits, database: Database, tickets: Tickets, delivery: Delivery, metrics: Metrics
    ) -> None:
        self.worker = tickets.worker
        self._limits = limits
        self._database = database
        self._tickets = tickets
        self._delivery = delivery
        self._metrics = metrics
        self._lanes: dict[str, Lane] = {}
        self._due: set[str] = set()
        self._ended: dict[str, tuple[int, Outcome]] = {}
        self._work = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._seen_at = -math.inf

    def __repr__(self) -> str:
        return f"<Dispatcher {self.worker}: {len(self._lanes)} lanes, {self.running()} commands run>"

    def running(self) -> int:
        """Return how many commands have been claimed and not ended."""
        return sum(len(lane.running) for lane in self._lanes.values())

    async def run(self) -> None:
        """Serve until cancelled; then hand the lanes over."""
        loops = (self._take_tickets, self._look_after, self._turns)
        tasks = [asyncio.create_task(_for_ever(work)) for work in loops]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in (*tasks, *self._sending):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._hand_over()

    # ---- what happens elsewhere

    async def queued(self, user_id: str) -> None:
        """Something was queued in a lane that no worker had: ask for one."""
        try:
            await self._tickets.add([user_id])
        except _TROUBLE as error:  # the lane is found in PostgreSQL, only later
            log.warning("ticket not written: %s", error)

    def wake(self, user_id: str) -> None:
        """Something was queued in a lane that this worker has, or had."""
        lane = self._lanes.get(user_id)
        if lane is not None:
            lane.wake()
            self._touch(lane)

    def cancelled(self, user_id: str, command_id: str) -> None:
        """A command was cancelled: its place is free."""
        lane = self._lanes.get(user_id)
        if lane is not None:
            lane.drop(command_id)
            self._touch(lane)

    def moved(self, user_id: str, device_id: str, *, online: bool) -> None:
        """A device has connected or gone, at whatever instance."""
        lane = self._lanes.get(user_id)
        if lane is not None:
            now = asyncio.get_running_loop().time()
            self._settle(lane, lane.back(device_id) if online else lane.gone(device_id, now))

    def heard(self, user_id: str, device_id: str, kind: str, payload: Mapping[str, Any]) -> bool:
        """Take a device's answer; False when the command is not being served by this worker."""
        name = payload.get("commandId") if kind == "task_status" else payload.get("originalMessageId")
        command_id = str(name).partition(".")[0]
        lane = self._lanes.get(user_id)
        if lane is None or command_id not in lane.running:
            return False
        match kind, payload.get("status"):
            case "task_status", "completed":
                effect = Effect(executor=device_id, result=dumps(payload.get("result", {})))
                self._settle(lane, [lane.complete(command_id, effect)])
            case "task_status", "failed":
                reason = str(payload.get("error") or "the device could not do it")[:_LONGEST_ERROR]
                self._settle(lane, [lane.fail(command_id, reason, asyncio.get_running_loop().time())])
            case _:
                self._note(lane, lane.acknowledge(command_id))
        return True

    # ---- the loops

    async def _take_tickets(self) -> None:
        await self._take(await self._tickets.next())

    async def _look_after(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._seen_at >= self._limits.lease_s / 5:
            await self._heartbeat(now)
        for lane in self._lanes.values():
            self._settle(lane, lane.expire(now))
            if lane.look_at <= now:
                self._touch(lane)
        if self._ended:
            self._work.set()
        await self._release([lane for lane in self._lanes.values() if lane.idle(now)])
        await asyncio.sleep(_SWEEP_S)

    async def _turns(self) -> None:
        await self._work.wait()
        self._work.clear()
        await self._turn()

    # ---- lanes come and go

    async def _heartbeat(self, now: float) -> None:
        late = now - self._seen_at > self._limits.lease_s
        await table.seen(self._database, self.worker)
        self._seen_at = now
        if late and self._lanes:
            held = await table.held(self._database, self.worker)
            for user_id in [user for user, lane in self._lanes.items() if held.get(user) != lane.fence]:
                del self._lanes[user_id]
        offline = [device for lane in self._lanes.values() for device in lane.offline]
        if offline:
            await table.expire_unreachable(self._database, list(self._lanes), offline, self._limits.ttl_s)
        abandoned = await table.abandoned_lanes(self._database, 2 * self._limits.lease_s)
        await self._take([(b"", user_id) for user_id in abandoned])
        await self._take(await self._tickets.left_behind(self._limits.lease_s))

    async def _take(self, tickets: Iterable[Ticket]) -> None:
        by_user: dict[str, list[bytes]] = {}
        for name, user_id in tickets:
            by_user.setdefault(user_id, []).extend([name] if name else [])
        new = [user_id for user_id in by_user if user_id not in self._lanes]
        if new:
            taken = await table.take_lanes(self._database, self.worker, new, self._limits.lease_s)
            for user_id, fence in taken.items():
                self._lanes[user_id] = Lane(user_id, fence, limit=self._limits.at_a_time)
        for user_id, names in by_user.items():
            lane = self._lanes.get(user_id)
            if lane is not None:  # else somebody alive has it, and the ticket stays pending until it is empty
                lane.tickets += names
                self.wake(user_id)

    async def _release(self, lanes: Iterable[Lane]) -> None:
        fences = {lane.user_id: lane.fence for lane in lanes}
        if not fences:
            return
        for user_id in await table.release(self._database, fences):
            lane = self._lanes.pop(user_id)
            await self._tickets.done(lane.tickets)
        for user_id in fences:
            self.wake(user_id)

    async def _hand_over(self) -> None:
        try:
            if self._ended:
                await table.record(self._database, list(self._ended.values()))
            left = await table.hand_over(self._database, self.worker)
            await self._tickets.add(left)
            await self._tickets.done([name for lane in self._lanes.values() for name in lane.tickets])
            await self._tickets.leave()
        except _TROUBLE as error:  # the others find out by themselves
            log.warning("lanes not handed over: %s", error)

    # ---- one turn

    async def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        ended, self._ended = self._ended, {}
        due, self._due = self._due, set()
        asked = [(lane, room) for user in due if (lane := self._lanes.get(user)) and (room := lane.ask(now))]
        try:
            if ended:
                await table.record(self._database, list(ended.values()))
                self._count(ended.values())
                ended = {}
            commands, again = await self._claim(asked)
        except BaseException:
            self._ended = ended | self._ended
            for lane, _ in asked:
                lane.wake()
                self._touch(lane)
            raise
        claimed: list[tuple[Lane, Claimed]] = []
        for lane, room in asked:
            mine = in_order(commands.get(lane.user_id, ()))
            lane.answered(full=len(mine) == room, again_at=now + again.get(lane.user_id, math.inf))
            for command in mine:
                self._settle(lane, [lane.start(command, now)])
                claimed.append((lane, command))
        for lane, command in claimed:
            await self._start(lane, command)

    async def _claim(self, asked: Sequence[tuple[Lane, int]]) -> tuple[dict[str, list[Claimed]], dict[str, float]]:
        if not asked:
            return {}, {}
        wanted = {lane.user_id: table.Wanted(user_id=lane.user_id, fence=lane.fence, room=room) for lane, room in asked}
        offline = [device for lane, _ in asked for device in lane.offline]
        found: dict[str, list[Claimed]] = {}
        for command in await table.claim(self._database, list(wanted.values()), offline):
            found.setdefault(command.user_id, []).append(command)
        short = [user for user, want in wanted.items() if len(found.get(user, ())) < want.room]
        return found, await table.waiting(self._database, short, offline) if short else {}

    async def _start(self, lane: Lane, command: Claimed) -> None:
        for executor in command.executors:
            if executor == SERVER:
                result = await self._delivery.by_server(command)
                self._settle(lane, [lane.complete(command.id, Effect(executor=SERVER, result=result))])
            elif self._delivery.is_here(lane.user_id, executor):
                await self._send(lane, command, executor)
            else:  # another instance answers, or nobody: the others need not wait for it
                task = asyncio.create_task(self._send(lane, command, executor))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)

    async def _send(self, lane: Lane, command: Claimed, device_id: str) -> None:
        if not await self._delivery.start(command, device_id):
            now = asyncio.get_running_loop().time()
            self._settle(lane, lane.gone(device_id, now))

    def _settle(self, lane: Lane, outcomes: Iterable[Outcome | None]) -> None:
        for outcome in outcomes:
            if outcome is not None:
                self._note(lane, outcome)
                self._touch(lane)

    def _note(self, lane: Lane, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._ended[outcome.command_id] = (lane.fence, outcome)

    def _touch(self, lane: Lane) -> None:
        self._due.add(lane.user_id)
        self._work.set()

    def _count(self, ended: Iterable[tuple[int, Outcome]]) -> None:
        for _, outcome in ended:
            self._metrics.commands[outcome.state] += 1


async def _for_ever(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except _TROUBLE as error:
            log.warning("commands: %s: %s", type(error).__name__, error)
            await asyncio.sleep(_PAUSE_S)
        except Exception:
            log.exception("commands")
            await asyncio.sleep(_PAUSE_S)
