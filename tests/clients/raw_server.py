"""A server that says exactly the bytes that a test wants to be said."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def request(self) -> bytes:
        """The next request, with its body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        return head + (await self.reader.readexactly(int(length[1])) if length else b"")

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until_gone(self) -> bytes:
        """What comes until the other side closes."""
        return await self.reader.read()

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        plug = self.writer.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def shake(self, extra: str = "") -> None:
        """Answer the opening handshake of a WebSocket, with one more header line if need be."""
        key = re.search(rb"sec-websocket-key: (\S+)", await self.request(), re.IGNORECASE)
        assert key
        accept = base64.b64encode(hashlib.sha1(key[1] + _GUID).digest())
        await self.say(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + (f"\r\n{extra}" if extra else "").encode() + b"\r\n\r\n"
        )

    async def frame(self) -> bytes:
        """The payload of the next (short) frame of the client."""
        length = (await self.reader.readexactly(2))[1] & 0x7F
        mask = await self.reader.readexactly(4)
        payload = await self.reader.readexactly(length)
        return bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A short frame of the server."""
    return bytes([(0x80 if fin else 0) | opcode, len(payload)]) + payload


class RawServer:
    """Where it listens, and how many connections it had."""

    def __init__(self) -> None:
        self.url = ""
        self.accepted = 0
        self.closed = 0


@asynccontextmanager
async def serving(talk: Callable[[Peer], Awaitable[None]]) -> AsyncIterator[RawServer]:
    """Accept connections on 127.0.0.1 and have `talk` hold the conversation on each; then close it."""
    state = RawServer()
    talks: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.accepted += 1
        try:
            await talk(Peer(reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client is gone, or the test is through
        finally:
            state.closed += 1
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(converse(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield state
    finally:
        server.close()
        for task in talks:
            task.cancel()
        if talks:
            await asyncio.wait(talks)


async def answering(peer: Peer, answer: bytes) -> None:
    """Answer every request alike."""
    while True:
        await peer.request()
        await peer.say(answer)
