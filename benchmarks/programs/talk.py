"""A bare WebSocket client: round trips a second of PORT on CONNECTIONS for SECONDS, printed.

It sends one frame that was masked beforehand and counts what comes back: it costs less than any server.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

_HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_TEXT = b"x" * 64
_FRAME = b"\x81\xc0" + bytes(4) + _TEXT  # masked with zeros
_ECHO = b"\x81\x40" + _TEXT


class Talk(asyncio.Protocol):
    """One connection: asks for the upgrade, then sends as soon as it has its answer."""

    def __init__(self) -> None:
        self.trips = 0
        self._had = b""
        self._open = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_HANDSHAKE)

    def data_received(self, data: bytes) -> None:
        """Send again when all of the answer is there."""
        self._had += data
        if self._had == _ECHO:
            self.trips += 1
        elif self._open or not self._had.endswith(b"\r\n\r\n"):
            return
        self._open, self._had = True, b""
        self._transport.write(_FRAME)


async def rate(port: int, connections: int, seconds: float) -> float:
    """Round trips a second of all connections together."""
    loop = asyncio.get_running_loop()
    talks = [(await loop.create_connection(Talk, "127.0.0.1", port))[1] for _ in range(connections)]
    await asyncio.sleep(seconds / 4)
    before = sum(talk.trips for talk in talks)
    began = loop.time()
    await asyncio.sleep(seconds)
    return (sum(talk.trips for talk in talks) - before) / (loop.time() - began)


if __name__ == "__main__":
    _port, _connections, _seconds = map(int, sys.argv[1:])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(runner.run(rate(_port, _connections, _seconds)))
