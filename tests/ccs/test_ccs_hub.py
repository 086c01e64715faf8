"""The hub and its connections, with transports that only remember what they were told and a clock that is passed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from pytest_roo_load.ccs.sessions import Identity
from pytest_roo_load.ccs.websocket import wire
from pytest_roo_load.ccs.websocket.connection import Connection
from pytest_roo_load.ccs.websocket.hub import Hub, Patience

PATIENCE = Patience(register_s=10, ping_s=30, silence_s=90)


class FakeTransport:
    """A transport that remembers frames as (opcode, payload), and closes as (code, reason)."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.backlog = 0
        self.closed = False

    def write(self, data: bytes) -> None:
        if data:
            kind, payload = data[0] & 15, data[2:]
            last = kind == wire.CLOSE
            self.said.append((int.from_bytes(payload[:2]), payload[2:].decode()) if last else (kind, payload))

    def get_write_buffer_size(self) -> int:
        return self.backlog

    def abort(self) -> None:
        self.closed = True

    close = abort


class FakeLoop:
    """A clock that stands, and what is due later."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.later: list[Callable[[], None]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, _delay: float, callback: Callable[[], None]) -> Any:
        self.later.append(callback)
        return self

    def cancel(self) -> None:
        self.later.clear()


class Guest:
    """A client's connection, heard by nobody but this."""

    def __init__(self, hub: Hub, now: float = 0.0) -> None:
        self.hub = hub
        self.transport = FakeTransport()
        self.loop = FakeLoop(now)
        self.connection = Connection(cast("Any", self.transport), cast("Any", self.loop), hub.outbox)
        self.connection.listener = self
        self.heard: list[tuple[int, bytes]] = []
        hub.opened(self.connection)

    def received(self, kind: int, data: bytes) -> None:
        self.heard.append((kind, data))

    def left(self) -> None:
        self.hub.closed(self.connection)

    def mail(self) -> None:
        raise AssertionError

    def register(self, device: str, session: str = "s", user: str = "u") -> None:
        self.hub.register(self.connection, Identity(user_id=user, session_id=session, device_id=device))


@pytest.fixture
def hub() -> Hub:
    return Hub(limit=3, patience=PATIENCE)


def masked(kind: int, payload: bytes) -> bytes:
    """Return a small frame as a client sends it, with a mask that changes nothing."""
    return bytes((0x80 | kind, 0x80 | len(payload), 0, 0, 0, 0)) + payload


def test_everyone_is_pinged_in_turn_and_the_silent_are_closed(hub: Hub) -> None:
    lively, silent = Guest(hub), Guest(hub)
    lively.register("a")
    silent.register("b")
    for now in (29, 30, 59, 60, 89):
        lively.connection.heard_at = now
        hub.sweep(now)
    assert lively.transport.said == silent.transport.said == [(wire.PING, b"")] * 2
    hub.sweep(90)
    assert silent.transport.said[-1] == (1001, "Heartbeat timeout")
    assert repr(hub) == "<Hub 1 of 3 connections, 1 users>"
    assert not lively.connection.over


def test_who_does_not_register_is_closed(hub: Hub) -> None:
    guest = Guest(hub)
    hub.sweep(9.9)
    assert not guest.connection.over
    hub.sweep(10)
    assert guest.transport.said == [(1008, "Registration timeout")]


def test_a_full_hub_says_so_and_has_room_again(hub: Hub) -> None:
    guests = [Guest(hub) for _ in range(3)]
    assert hub.full
    guests[0].register("a", session="ended")
    hub.end_sessions(["ended", "unknown"])
    assert (hub.full, len(hub)) == (False, 2)
    assert guests[0].transport.said == [(1008, "Session ended")]


def test_who_does_not_keep_up_is_passed_over(hub: Hub) -> None:
    slow, quick = Guest(hub), Guest(hub)
    slow.register("slow")
    quick.register("quick")
    slow.connection.pause_writing()
    assert hub.deliver("u", b"text", to=None, sender="other") == 1
    assert hub.deliver("u", b"text", to="slow", sender="other") == 0
    assert hub.deliver("u", b"text", to=None, sender="quick") == 0
    assert (slow.transport.said, quick.transport.said) == ([], [(wire.TEXT, b"text")])
    slow.connection.resume_writing()
    assert hub.deliver("u", b"text", to="slow", sender="other") == 1


def test_only_those_who_are_interested_are_told(hub: Hub) -> None:
    one, two = Guest(hub), Guest(hub)
    one.register("a")
    two.register("b")
    two.connection.interests = frozenset({"file_sync"})
    assert hub.deliver("u", b"news", to=None, sender="", about="file_sync") == 1
    assert (one.transport.said, two.transport.said) == ([], [(wire.TEXT, b"news")])


def test_what_is_held_back_comes_after_what_is_sent_meanwhile_and_in_its_order(hub: Hub) -> None:
    guest = Guest(hub)
    guest.connection.hold()
    assert [guest.connection.send(text) for text in (b"3", b"4")] == [True, True]
    assert [guest.connection.send_now(text) for text in (b"1", b"2")] == [True, True]
    guest.connection.release()
    assert guest.connection.send(b"5")
    assert [payload for _, payload in guest.transport.said] == [b"1", b"2", b"3", b"4", b"5"]


def test_a_newer_connection_replaces_and_outlives_the_older(hub: Hub) -> None:
    older, newer = Guest(hub), Guest(hub)
    older.register("a")
    newer.register("a")
    assert older.transport.said == [(4001, "Replaced by a newer connection")]
    assert hub.device("u", "a") is newer.connection


def test_a_stop_closes_everyone(hub: Hub) -> None:
    guests = [Guest(hub) for _ in range(3)]
    hub.close()
    assert [guest.transport.said for guest in guests] == [[(1001, "Server shutting down")]] * 3
    assert len(hub) == 0


def test_a_client_that_closes_is_answered_and_one_that_does_not_answer_is_cut(hub: Hub) -> None:
    polite, rude = Guest(hub), Guest(hub)
    polite.connection.data_received(masked(wire.CLOSE, (4321).to_bytes(2) + b"bye"))
    assert (polite.transport.said, polite.transport.closed) == ([(4321, "")], True)
    polite.connection.connection_lost(None)
    assert polite.loop.later == []
    hub.close()
    rude.connection.data_received(masked(wire.TEXT, b"still here"))
    assert (rude.heard, rude.transport.closed) == ([], False)
    rude.loop.later[0]()
    assert rude.transport.closed


def test_a_ping_is_answered_and_bytes_that_are_no_frames_end_it(hub: Hub) -> None:
    guest = Guest(hub, now=5.0)
    guest.connection.data_received(masked(wire.PING, b"?") + masked(wire.TEXT, b"a"))
    assert (guest.transport.said, guest.heard) == ([(wire.PONG, b"?")], [(wire.TEXT, b"a")])
    assert repr(guest.connection) == "<Connection nobody, open>"
    guest.connection.data_received(b"GET / HTTP/1.1\r\n")
    assert (guest.transport.said[-1][0], guest.transport.closed, len(hub)) == (1002, True, 0)
