"""A WebSocket client, what it recorded, and servers that talk to it as a test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from client_lab import counted, until
from raw_server import Peer, serving

from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.clients.websocket.client import WebSocketClient
from pytest_roo_load.clients.websocket.connection import Message, WebSocket
from pytest_roo_load.engine.recorder import PhaseRecorder

Talk = Callable[[Peer], Awaitable[None]]


class Lab:
    """A client, what it recorded, and its sweeper."""

    def __init__(self, url: str) -> None:
        self.recorder = PhaseRecorder("steady")
        self.sweeper = Sweeper()
        self.client = WebSocketClient(url, self.recorder, self.sweeper)

    async def open(self) -> WebSocket:
        return await self.client.connect("/ws?token=1", correlate=first_letter)

    def counted(self) -> dict[str, tuple[int, dict[str, int], int]]:
        return counted(self.recorder)


def first_letter(message: Message) -> str | None:
    text = message if isinstance(message, str) else message.decode()
    if text == "boom":
        raise ValueError("no letter in it")
    return text[0] if text and text[0] != "-" else None


@asynccontextmanager
async def lab(talk: Talk) -> AsyncIterator[Lab]:
    """A client of a server that shakes hands and then goes on with `talk`."""

    async def whole(peer: Peer) -> None:
        await peer.shake()
        await talk(peer)

    async with serving(whole) as server:
        result = Lab(server.url)
        yield result
        await result.client.close()
        await result.client.close()
        await until(lambda: server.closed == server.accepted)
        assert repr(result.sweeper) == "<Sweeper watching 0>"
