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
from typing import Any

from pytest_roo_load.ccs.commands.command import SERVER, Claimed, Effect, Outcome
from pytest_roo_load.ccs.commands.courier import Courier
from pytest_roo_load.ccs.commands.delivery import Delivery
from pytest_roo_load.ccs.commands.lane import Lane, in_order
from pytest_roo_load.ccs.commands.roster import TROUBLE, Limits, Roster
from pytest_roo_load.ccs.commands.tickets import Tickets
from pytest_roo_load.ccs.data import lanes as table
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.envelope import dumps
from pytest_roo_load.ccs.errors import UnavailableError
from pytest_roo_load.ccs.metrics import Metrics

_SWEEP_S = 0.2
_PAUSE_S = 0.5
_LONGEST_ERROR = 1000

log = logging.getLogger("ccs.commands")


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
        self._database = database
        self._tickets = tickets
        self._delivery = delivery
        self._metrics = metrics
        self._lanes = Roster(database, tickets, limits)
        self._due: set[str] = set()
        self._ended: dict[str, tuple[int, Outcome]] = {}
        self._work = asyncio.Event()
        self._courier = Courier(delivery, self._missed)
        self._in_doubt = False

    def __repr__(self) -> str:
        return f"<Dispatcher {self.worker}: {len(self._lanes)} lanes, {self.running()} commands run>"

    def running(self) -> int:
        """Return how many commands have been claimed and not ended."""
        return sum(len(lane.running) for lane in self._lanes)

    async def run(self) -> None:
        """Serve until cancelled; then hand the lanes over."""
        loops = (self._take_tickets, self._look_after, self._turns)
        tasks = [asyncio.create_task(_for_ever(work)) for work in loops]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._courier.stop()
            await self._stop()

    # ---- what happens elsewhere

    async def queued(self, user_id: str) -> None:
        """Something was queued in a lane that no worker had: ask for one."""
        try:
            await self._tickets.add([user_id])
        except TROUBLE as error:  # the lane is found in PostgreSQL, only later
            log.warning("ticket not written: %s", error)

    def wake(self, user_id: str) -> None:
        """Something was queued in a lane that this worker has, or had."""
        lane = self._lanes.get(user_id)
        if lane is not None:
            self._wake([lane])

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
        self._wake(await self._lanes.take(await self._tickets.next()))

    async def _look_after(self) -> None:
        now = asyncio.get_running_loop().time()
        self._wake(await self._lanes.heartbeat(now))
        for lane in self._lanes:
            self._settle(lane, lane.expire(now))
            if lane.look_at <= now:
                self._touch(lane)
        if self._ended:
            self._work.set()
        self._wake(await self._lanes.release([lane for lane in self._lanes if lane.idle(now)]))
        await asyncio.sleep(_SWEEP_S)

    async def _turns(self) -> None:
        await self._work.wait()
        self._work.clear()
        await self._turn()

    async def _stop(self) -> None:
        try:
            if self._ended:
                await table.record(self._database, list(self._ended.values()))
        except UnavailableError as error:  # they are executed again
            log.warning("%d outcomes not written: %s", len(self._ended), error)
        await self._lanes.hand_over()

    # ---- one turn

    async def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        ended, self._ended = self._ended, {}
        due, self._due = self._due, set()
        asked = [(lane, room) for user in due if (lane := self._lanes.get(user)) and (room := lane.ask(now))]
        try:
            if self._in_doubt:
                await self._put_back_unknown(ended)
            if ended:
                await table.record(self._database, list(ended.values()))
                self._count(ended.values())
                ended = {}
            commands, again = await self._claim(asked)
        except BaseException:
            self._in_doubt = True
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
            if lane.disturbed:  # what was put back meanwhile comes before these
                self._settle(lane, lane.put_back(mine))
            else:
                claimed += ((lane, command) for command in mine)
        for lane, command in claimed:
            await self._start(lane, command)

    async def _put_back_unknown(self, ended: Mapping[str, object]) -> None:
        known = [*ended, *self._ended, *(command_id for lane in self._lanes for command_id in lane.running)]
        await table.put_back_unknown(self._database, {lane.user_id: lane.fence for lane in self._lanes}, known)
        self._in_doubt = False
        self._wake(self._lanes)

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
            else:
                self._courier.send(lane, command, executor)

    def _missed(self, lane: Lane, device_id: str) -> None:
        self._settle(lane, lane.gone(device_id, asyncio.get_running_loop().time()))

    def _settle(self, lane: Lane, outcomes: Iterable[Outcome | None]) -> None:
        for outcome in outcomes:
            if outcome is not None:
                self._note(lane, outcome)
                self._touch(lane)

    def _note(self, lane: Lane, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._ended[outcome.command_id] = (lane.fence, outcome)

    def _wake(self, lanes: Iterable[Lane]) -> None:
        for lane in lanes:
            lane.wake()
            self._touch(lane)

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
        except TROUBLE as error:
            log.warning("commands: %s: %s", type(error).__name__, error)
            await asyncio.sleep(_PAUSE_S)
        except Exception:
            log.exception("commands")
            await asyncio.sleep(_PAUSE_S)
