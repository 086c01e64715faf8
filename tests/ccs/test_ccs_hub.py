"""The hub on its own, with sockets that only remember what they were told and a clock that is passed in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import WSMessage, WSMsgType

from pytest_roo_load.ccs.sessions import Identity
from pytest_roo_load.ccs.websocket.connection import MAX_BACKLOG_BYTES, Connection
from pytest_roo_load.ccs.websocket.hub import Hub, Patience

PATIENCE = Patience(register_s=10, ping_s=30, silence_s=90)


class FakeSocket:
    """A WebSocket and its transport."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.backlog = 0
        self.closed = False

    async def send_str(self, text: str) -> None:
        self.said.append(text)

    async def ping(self) -> None:
        self.said.append("ping")

    async def receive(self) -> WSMessage:
        await asyncio.Event().wait()
        return WSMessage(WSMsgType.CLOSED, None, None)

    async def close(self, *, code: int, message: bytes, drain: bool) -> None:
        assert not drain
        self.closed = True
        self.said.append((code, message.decode()))

    def get_write_buffer_size(self) -> int:
        return self.backlog

    def is_closing(self) -> bool:
        return self.closed


class Guest:
    """A connection that is being received from, as the endpoint does it."""

    def __init__(self, hub: Hub, now: float = 0.0) -> None:
        self.hub = hub
        self.socket = FakeSocket()
        self.task = asyncio.create_task(self._stay(now))

    async def _stay(self, now: float) -> None:
        self.connection = Connection(cast("Any", self.socket), cast("Any", self.socket), now)
        self.hub.opened(self.connection)
        assert await self.connection.receive() is None
        self.hub.closed(self.connection)
        await self.connection.close()

    def register(self, device: str, session: str = "s", user: str = "u") -> None:
        self.hub.register(self.connection, Identity(user_id=user, session_id=session, device_id=device))


def in_hub(scenario: Callable[[Hub], Awaitable[None]]) -> None:
    async def run() -> None:
        await scenario(Hub(limit=3, patience=PATIENCE))

    asyncio.run(run())


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_everyone_is_pinged_in_turn_and_the_silent_are_closed() -> None:
    async def scenario(hub: Hub) -> None:
        lively, silent = Guest(hub), Guest(hub)
        await turns()
        lively.register("a")
        silent.register("b")
        for now in (29, 30, 59, 60, 89):
            lively.connection.heard_at = now
            await hub.sweep(now)
        assert lively.socket.said == silent.socket.said == ["ping", "ping"]
        await hub.sweep(90)
        await silent.task
        assert silent.socket.said[-1] == (1001, "Heartbeat timeout")
        assert repr(hub) == "<Hub 1 of 3 connections, 1 users>"
        assert not lively.socket.closed

    in_hub(scenario)


def test_who_does_not_register_is_closed() -> None:
    async def scenario(hub: Hub) -> None:
        guest = Guest(hub)
        await turns()
        await hub.sweep(9.9)
        assert not guest.task.done()
        await hub.sweep(10)
        await guest.task
        assert guest.socket.said == [(1008, "Registration timeout")]

    in_hub(scenario)


def test_a_full_hub_says_so_and_has_room_again() -> None:
    async def scenario(hub: Hub) -> None:
        guests = [Guest(hub) for _ in range(3)]
        await turns()
        assert hub.full
        guests[0].register("a", session="ended")
        hub.end_sessions(["ended", "unknown"])
        await guests[0].task
        assert (hub.full, len(hub)) == (False, 2)
        assert guests[0].socket.said == [(1008, "Session ended")]

    in_hub(scenario)


def test_who_does_not_keep_up_is_passed_over() -> None:
    async def scenario(hub: Hub) -> None:
        slow, quick = Guest(hub), Guest(hub)
        await turns()
        slow.register("slow")
        quick.register("quick")
        slow.socket.backlog = MAX_BACKLOG_BYTES + 1
        assert await hub.deliver("u", "text", to=None, sender="other") == 1
        assert await hub.deliver("u", "text", to="slow", sender="other") == 0
        assert await hub.deliver("u", "text", to=None, sender="quick") == 0
        assert (slow.socket.said, quick.socket.said) == ([], ["text"])

    in_hub(scenario)


def test_a_newer_connection_replaces_and_outlives_the_older() -> None:
    async def scenario(hub: Hub) -> None:
        older, newer = Guest(hub), Guest(hub)
        await turns()
        older.register("a")
        newer.register("a")
        await older.task
        assert older.socket.said == [(4001, "Replaced by a newer connection")]
        assert hub.device("u", "a") is newer.connection

    in_hub(scenario)


def test_a_stop_closes_everyone() -> None:
    async def scenario(hub: Hub) -> None:
        guests = [Guest(hub) for _ in range(3)]
        await turns()
        hub.close()
        await asyncio.gather(*(guest.task for guest in guests))
        assert [guest.socket.said for guest in guests] == [[(1001, "Server shutting down")]] * 3
        assert len(hub) == 0

    in_hub(scenario)


def test_a_cancellation_that_is_not_a_farewell_stays_one() -> None:
    async def scenario(hub: Hub) -> None:
        guest = Guest(hub)
        await turns()
        guest.task.cancel()
        await asyncio.wait([guest.task])
        assert guest.task.cancelled()

    in_hub(scenario)
