"""One WebSocket and the device behind it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import web

from pytest_roo_load.ccs.sessions import Identity

# A device that has not read this much is passed over: what is sent to it fails, and others do not wait for it.
MAX_BACKLOG_BYTES = 1024 * 1024


class Connection:
    """A device's WebSocket; nobody until ``identity`` is set. ``heard_at`` and ``pinged_at`` are loop times."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, now: float) -> None:
        self._socket = socket
        self._transport = transport
        self.identity: Identity | None = None
        self.opened_at = self.heard_at = self.pinged_at = now

    def __repr__(self) -> str:
        who = "nobody" if self.identity is None else f"device {self.identity.device_id}"
        return f"<Connection {who}, {'closed' if self._socket.closed else 'open'}>"

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

    async def close(self, code: int, reason: str) -> None:
        """Close with a code and a reason; waits a moment for the client's answer. May be called again."""
        with suppress(ConnectionError, RuntimeError):
            await self._socket.close(code=code, message=reason.encode())


