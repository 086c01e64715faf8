"""One WebSocket and the device behind it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import WSMessage, WSMsgType, web

from pytest_roo_load.ccs.sessions import Identity

# A device that has not read this much is passed over: what is sent to it fails, and others do not wait for it.
MAX_BACKLOG_BYTES = 1024 * 1024


_LAST = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """Why the server closes a connection."""

    code: int
    reason: str


class Connection:
    """A device's WebSocket; nobody until ``identity`` is set. The times are those of the event loop.

    The task that creates it is the one that receives, and the only one that closes: aiohttp waits for the client's
    answer to a close only there. Others ask for the end with `end`.
    """

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, now: float) -> None:
        self._socket = socket
        self._transport = transport
        self._task = asyncio.current_task()
        self._receiving = False
        self._farewell: Farewell | None = None
        self.identity: Identity | None = None
        self.interests: frozenset[str] = frozenset()
        self.opened_at = self.heard_at = self.pinged_at = now

    def __repr__(self) -> str:
        who = "nobody" if self.identity is None else f"device {self.identity.device_id}"
        return f"<Connection {who}, {'closed' if self._socket.closed else self._farewell or 'open'}>"

    async def receive(self) -> WSMessage | None:
        """Return the next message; None when the client has closed, or somebody has asked for the `end`."""
        if self._farewell is not None:
            return None
        self._receiving = True
        try:
            message = await self._socket.receive()
        except asyncio.CancelledError:
            if self._farewell is None or self._task is None or self._task.uncancel():
                raise
            return None
        finally:
            self._receiving = False
        return None if message.type in _LAST else message

    async def send(self, text: str) -> bool:
        """Send a frame without waiting for the reader; False when the device is gone or does not keep up."""
        transport = self._transport
        if self._socket.closed or transport is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
            return False
        try:
            await self._socket.send_str(text)
        except (ConnectionError, RuntimeError):
            return False
        return True

    async def ping(self, now: float) -> None:
        """Send a ping."""
        self.pinged_at = now
        with suppress(ConnectionError, RuntimeError):
            await self._socket.ping()

    async def pong(self, data: bytes) -> None:
        """Answer a ping."""
        with suppress(ConnectionError, RuntimeError):
            await self._socket.pong(data)

    def end(self, farewell: Farewell) -> None:
        """Have the receiving task stop and close; the first reason counts."""
        if self._farewell is not None:
            return
        self._farewell = farewell
        if self._receiving and self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Say farewell if there is a reason, and close; waits a moment for the client's answer."""
        farewell = self._farewell or Farewell(code=1000, reason="")
        with suppress(ConnectionError, RuntimeError):
            await self._socket.close(code=farewell.code, message=farewell.reason.encode(), drain=False)
