"""A WebSocket server in a thread that sends back what it gets, or spoils one message of many."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from aiohttp import WSMsgType, web
from workload_lab import in_thread


class EchoServer:
    """Loses, repeats or swaps with the next the message of the given number, of all connections together.

    Args:
        fault: "lose", "twice", "swap", or empty for a server that is right.
        number: Which message is spoilt.
        chatty: Whether it greets each connection, and sends a heartbeat before each answer.
    """

    def __init__(self, fault: str, number: int, *, chatty: bool) -> None:
        self._chatty = chatty
        self._fault = fault
        self._number = number
        self._kept: str | None = None
        self.received = 0
        self.accepted = 0
        self.peers: set[str] = set()
        self.url = ""

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        application = web.Application()
        application.router.add_get("/echo", self._talk)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        self.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/echo"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.accepted += 1
        self.peers.add(request.remote or "")
        if self._chatty:
            await socket.send_str("12:30 welcome")
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                for text in self._answers(message.data):
                    await socket.send_str(text)
        return socket

    def _answers(self, text: str) -> list[str]:
        heartbeat = ['{"type": "heartbeat"}'] * self._chatty
        return heartbeat + self._echoes(text)

    def _echoes(self, text: str) -> list[str]:
        self.received += 1
        if self.received == self._number and self._fault:
            return {"lose": [], "twice": [text, text], "swap": [_next(text), text]}[self._fault]
        return [text]


def _next(text: str) -> str:
    """The message that is to come, told too early."""
    number, colon, rest = text.partition(":")
    return f"{int(number) + 1}{colon}{rest}"


@contextlib.contextmanager
def echo_server(fault: str = "", number: int = 0, *, chatty: bool = False) -> Iterator[EchoServer]:
    """The server."""
    server = EchoServer(fault, number, chatty=chatty)
    with in_thread(server.serve):
        yield server
