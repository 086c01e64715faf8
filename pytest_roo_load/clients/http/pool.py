"""The fast transport: connections on httptools, kept alive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, TypeVar

from pytest_roo_load.clients.http.body import StreamedBody
from pytest_roo_load.clients.http.connecting import Opened, open_connection
from pytest_roo_load.clients.http.connection import Connection
from pytest_roo_load.clients.http.heads import Limits
from pytest_roo_load.clients.http.incoming import Incoming
from pytest_roo_load.clients.http.origin import Origin
from pytest_roo_load.clients.http.response import Response
from pytest_roo_load.clients.http.settings import HttpSettings
from pytest_roo_load.clients.http.timed import TimedConnection
from pytest_roo_load.clients.sweeper import Sweeper

__all__ = ["Pool"]

_Answer = TypeVar("_Answer")


class Pool:
    """See `transport.Transport`.

    Attributes:
        latest: The connection that was used last.
    """

    __slots__ = ("_limits", "_open", "_opened", "_origin", "_settings", "_sweeper", "_timed", "latest")

    def __init__(
        self, origin: Origin, settings: HttpSettings, sweeper: Sweeper, opened: Callable[[Opened], object]
    ) -> None:
        self._origin = origin
        self._settings = settings
        self._sweeper = sweeper
        self._opened = opened
        self._timed = settings.timing
        self._limits = Limits(settings.max_headers, settings.max_body_bytes)
        self.latest: Connection | None = None
        self._open: list[Connection] = []

    def __repr__(self) -> str:
        return f"{len(self._open)} connections, {sum(one.idle for one in self._open)} idle"

    def exchange(self, head: bytes, body: bytes | StreamedBody, deadline: float) -> Awaitable[Response]:
        """See `transport.Transport`."""
        connection = self.latest
        if connection is not None and connection.idle and type(body) is bytes:
            return connection.send(head, body, deadline)
        return self._exchange(head, body, deadline)

    async def _exchange(self, head: bytes, body: bytes | StreamedBody, deadline: float) -> Response:
        connection = self._take_idle() or await self._connect(deadline)
        if isinstance(body, bytes):
            return await connection.send(head, body, deadline)
        answer = connection.send(head, b"", deadline)
        uploading = asyncio.create_task(connection.upload(body))
        try:
            return await _answer_to(uploading, answer, connection)
        except asyncio.CancelledError:
            connection.close()
            raise

    def forsake(self) -> None:
        """See `transport.Transport`."""
        for connection in list(self._open):
            if connection.is_forsaken:
                connection.close()

    async def stream(self, head: bytes, body: bytes | StreamedBody, timeout_s: float) -> Incoming:
        """See `transport.Transport`."""
        deadline = perf_counter() + timeout_s
        connection = self._take_idle() or await self._connect(deadline)
        uploading: asyncio.Task[None] | None = None
        try:
            if isinstance(body, bytes):
                incoming = await connection.stream(head, body, timeout_s, deadline)
            else:
                answer = connection.stream(head, b"", timeout_s, deadline)
                uploading = asyncio.create_task(connection.upload(body))
                incoming = await _answer_to(uploading, answer, connection, go_on=True)
        except asyncio.CancelledError:
            connection.close()
            raise
        incoming.released = lambda: self._release(connection, uploading)
        return incoming

    async def close(self) -> None:
        """See `transport.Transport`."""
        for connection in list(self._open):
            connection.close()

    def _release(self, connection: Connection, uploading: asyncio.Task[None] | None) -> None:
        if uploading is not None:
            uploading.cancel()
        connection.release()

    def _take_idle(self) -> Connection | None:
        for connection in self._open:
            if connection.idle:
                self.latest = connection
                return connection
        return None

    async def _connect(self, deadline: float) -> Connection:
        sort = TimedConnection if self._timed else Connection
        connection, opened = await open_connection(
            self._origin, self._settings, lambda: sort(self, self._limits), deadline
        )
        if self._timed:
            connection.opened = opened
        self._opened(opened)
        if connection.reusable:  # else it has ended already, and `forget` was called for it
            self._open.append(connection)
            self.latest = connection
            self._sweeper.watch(connection)
        return connection

    def forget(self, connection: Connection) -> None:
        """See `connection.Home`."""
        self._sweeper.forget(connection)
        if connection in self._open:
            self._open.remove(connection)
        if connection is self.latest:
            self.latest = None


async def _answer_to(
    uploading: asyncio.Task[None], answer: asyncio.Future[_Answer], connection: Connection, *, go_on: bool = False
) -> _Answer:
    """The answer to a request whose body is still being sent; what the body's source raises ends both."""
    waiting: set[asyncio.Future[Any]] = {uploading, answer}
    uploading.add_done_callback(_look_at)
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if uploading.done() and (error := uploading.exception()):
            answer.cancel()
            connection.close()
            raise error
        return await answer
    finally:
        if not answer.done():
            answer.cancel()
        if not go_on or answer.cancelled():
            uploading.cancel()


def _look_at(uploading: asyncio.Task[None]) -> None:
    """What a source raises after the answer is there interests nobody."""
    if not uploading.cancelled():
        uploading.exception()
