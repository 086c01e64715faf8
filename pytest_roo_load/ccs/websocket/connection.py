"""One WebSocket and the device behind it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Protocol

from pytest_roo_load.ccs.sessions import Identity
from pytest_roo_load.ccs.websocket import wire
from pytest_roo_load.ccs.websocket.protocol import MAX_FRAME_BYTES

# A device that has not read this much is passed over: what is sent to it fails, and others do not wait for it.
MAX_BACKLOG_BYTES = 1024 * 1024
# As much of what is said while a device reads its queue.
_MAX_HELD = 1000
# How long a close waits for the client's own close frame.
_CLOSE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """Why the server closes a connection."""

    code: int
    reason: str


class Listener(Protocol):
    """Who hears what a client sends."""

    def received(self, kind: int, data: bytes) -> None:
        """Take a message: `wire.TEXT`, `wire.BINARY` or `wire.TOO_BIG`."""

    def left(self) -> None:
        """The connection takes and gives nothing any more; called once."""

    def mail(self) -> None:
        """There is something in the device's queue."""


class Outbox:
    """Gathers what is sent while one client's bytes are dealt with, so that each receiver costs one write.

    All connections of an instance share one: an event loop deals with one client at a time.

    Attributes:
        waiting: The connections that have something to write; None while nothing is gathered.
    """

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: list[Connection] | None = None

    def __repr__(self) -> str:
        return f"<Outbox {'open' if self.waiting is None else f'{len(self.waiting)} waiting'}>"

    def hold(self) -> None:
        """Gather from now on."""
        self.waiting = []

    def release(self) -> None:
        """Have every connection write what was gathered for it."""
        waiting, self.waiting = self.waiting or (), None
        for connection in waiting:
            connection.flush()


class Connection(asyncio.Protocol):
    """A device's WebSocket; nobody until ``identity`` is set. The times are those of the event loop.

    Once it is ``over`` it takes and gives nothing any more.

    There is no task behind it: what arrives is handed to the ``listener`` at once.
    """

    __slots__ = (
        "_farewell",
        "_full",
        "_held",
        "_loop",
        "_outbox",
        "_pending",
        "_reader",
        "_timer",
        "_transport",
        "active_at",
        "heard_at",
        "identity",
        "interests",
        "listener",
        "noted_at",
        "opened_at",
        "over",
        "pinged_at",
        "presence",
        "said_at",
    )

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, outbox: Outbox) -> None:
        self._transport = transport
        self._loop = loop
        self._outbox = outbox
        self._pending: list[bytes] = []
        self._reader = wire.MessageReader(MAX_FRAME_BYTES)
        self._farewell: Farewell | None = None
        self._held: list[bytes] | None = None
        self._full = False
        self._timer: asyncio.TimerHandle | None = None
        self.over = False
        self.listener: Listener | None = None
        self.identity: Identity | None = None
        self.interests: frozenset[str] = frozenset()
        self.presence = ""
        self.opened_at = self.heard_at = self.pinged_at = self.active_at = self.noted_at = loop.time()
        self.said_at = -math.inf

    def __repr__(self) -> str:
        who = "nobody" if self.identity is None else f"device {self.identity.device_id}"
        return f"<Connection {who}, {self._farewell or ('closed' if self.over else 'open')}>"

    def send(self, data: bytes) -> bool:
        """Send a text frame without waiting for the reader; False when the device is gone or does not keep up."""
        if self._held is not None:
            if len(self._held) >= _MAX_HELD or self.over:
                return False
            self._held.append(data)
            return True
        return self.send_now(data)

    def send_now(self, data: bytes) -> bool:
        """Send a text frame also while others are held back; as `send`."""
        if self.over or self._full:
            return False
        waiting = self._outbox.waiting
        if waiting is None:
            self._transport.write(wire.text_head(len(data)) + data)
            return True
        if not self._pending:
            waiting.append(self)
        self._pending += (wire.text_head(len(data)), data)
        return True

    def flush(self) -> None:
        """Write what was gathered."""
        if self._pending:
            self._transport.write(b"".join(self._pending))
            self._pending.clear()

    def hold(self) -> None:
        """Hold back what others send until `release`."""
        self._held = []

    def release(self) -> None:
        """Send what was held back, in its order."""
        held, self._held = self._held or (), None
        for data in held:
            self.send_now(data)

    def backlog(self) -> int:
        """Return how many bytes wait for the reader."""
        return self._transport.get_write_buffer_size()

    def ping(self, now: float) -> None:
        """Send a ping."""
        self.pinged_at = now
        if not self.over:
            self._transport.write(wire.framed(wire.PING, b""))

    def pause(self) -> None:
        """Read no more for now."""
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if not self.over:
            self._transport.resume_reading()

    def end(self, farewell: Farewell) -> None:
        """Close, and wait a moment for the client's answer; the first reason counts."""
        if self.over:
            return
        self._farewell = farewell
        self._leave(wire.closing(farewell.code, farewell.reason))

    def data_received(self, data: bytes) -> None:
        """Take what the client has sent."""
        self.heard_at = self._loop.time()
        text = self._reader.text(data)
        if text is not None:
            if self.listener is not None:
                self.listener.received(wire.TEXT, text)
            return
        try:
            messages = self._reader.feed(data)
        except wire.WireError as error:
            self.end(Farewell(code=error.code, reason=error.reason))
            self._transport.close()
            return
        if len(messages) < 2:  # noqa: PLR2004 - there is nothing to gather
            self._hear(messages)
            return
        self._outbox.hold()
        try:
            self._hear(messages)
        finally:
            self._outbox.release()

    def pause_writing(self) -> None:
        """More than MAX_BACKLOG_BYTES wait for the reader."""
        self._full = True

    def resume_writing(self) -> None:
        """The reader has caught up."""
        self._full = False

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client has gone, or the close is complete."""
        del exc
        self._leave(b"")
        if self._timer is not None:
            self._timer.cancel()

    def _hear(self, messages: list[wire.Message]) -> None:
        for kind, payload in messages:
            if kind == wire.CLOSE:
                self._leave(wire.closing(wire.close_code(payload), ""))
                self._transport.close()
            elif self.over or self.listener is None:
                continue
            elif kind == wire.PING:
                self._transport.write(wire.framed(wire.PONG, payload))
            elif kind != wire.PONG:
                self.listener.received(kind, payload)

    def _leave(self, last_words: bytes) -> None:
        if self.over:
            return
        self.over = True
        self.flush()
        self._transport.write(last_words)
        self._timer = self._loop.call_later(_CLOSE_S, self._transport.abort)
        if self.listener is not None:
            self.listener.left()
            self.listener = None
