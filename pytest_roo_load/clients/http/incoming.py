"""The body of an answer that is read while it comes, in constant memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Protocol

from pytest_roo_load.clients.http.response import RawHeaders
from pytest_roo_load.clients.sweeper import IDLE
from pytest_roo_load.errors import OperationError

__all__ = ["Incoming"]

_ENOUGH_BYTES = 256 * 2**10


class Source(Protocol):
    """The connection that the body comes from."""

    deadline: float

    def flow(self, *, on: bool) -> None:
        """Let the server go on sending, or not."""

    def close(self) -> None:
        """End it."""


class Incoming:
    """Pieces of a body between the connection and its reader; a slow reader makes the server wait.

    Attributes:
        status: The status code.
        raw_headers: (name, value) pairs in order, as they came.
        complete: Whether the whole body has come.
        released: Called once nobody reads any more.
    """

    __slots__ = (
        "_buffered", "_error", "_paused", "_pieces", "_reader", "_source", "_timeout_s", "complete", "raw_headers",
        "released", "status",
    )  # fmt: skip

    def __init__(self, source: Source, timeout_s: float) -> None:
        self._source = source
        self._timeout_s = timeout_s
        self._pieces: deque[bytes] = deque()
        self._buffered = 0
        self._paused = False
        self._error: OperationError | None = None
        self._reader: asyncio.Future[None] | None = None
        self.complete = False
        self.released: Callable[[], object] = lambda: None
        self.status = 0
        self.raw_headers: RawHeaders = []

    def __repr__(self) -> str:
        state = "complete" if self.complete else "failed" if self._error else "coming"
        return f"<Incoming {self.status}, {state}, {self._buffered} bytes waiting>"

    def begin(self, status: int, raw_headers: RawHeaders) -> None:
        """The head is there."""
        self.status, self.raw_headers = status, raw_headers
        self._source.deadline = perf_counter() + self._timeout_s

    def append(self, piece: bytes) -> None:
        """The next piece has come."""
        self._pieces.append(piece)
        self._buffered += len(piece)
        if self._buffered > _ENOUGH_BYTES and not self._paused:
            self._paused = True
            self._source.flow(on=False)
        self._source.deadline = IDLE if self._paused else perf_counter() + self._timeout_s
        self._wake()

    def pending(self, received: int) -> int:
        """What has come without having been part of the body since the last piece."""
        return received if not self._pieces and not self._buffered else 0

    def finish(self) -> None:
        """The body is complete."""
        self.complete = True
        if self._paused:
            self._resume()
        self._wake()

    def fail(self, error: OperationError) -> None:
        """The body will not be completed."""
        self._error = error
        self._wake()

    def close(self) -> None:
        """Nobody will read any more: a body that is not complete ends with its connection."""
        self._pieces.clear()
        if not self.complete and self._error is None:
            self._source.close()
        self.released()

    async def read(self) -> bytes:
        """The next piece; empty at the end.

        Raises:
            OperationError: The rest will not come.
        """
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.complete:
                return b""
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        piece = self._pieces.popleft()
        self._buffered -= len(piece)
        if self._paused and self._buffered < _ENOUGH_BYTES // 2:
            self._source.deadline = perf_counter() + self._timeout_s
            self._resume()
        return piece

    def _resume(self) -> None:
        self._paused = False
        self._source.flow(on=True)

    def _wake(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None and not reader.done():
            reader.set_result(None)
