"""Bytes on their way through a link, and where they wait."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

__all__ = ["Buffer", "Chunk"]

ROOM = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some bytes, in order.

    Attributes:
        data: Empty for the end of the stream.
        at: When they came in, on the event loop's clock.
        closes: Of an end: whether it is the end of the connection, and not of this direction alone.
    """

    data: bytes
    at: float
    closes: bool = False

    @property
    def is_end(self) -> bool:
        """Whether nothing comes after it."""
        return not self.data

    def holding(self, data: bytes) -> Chunk:
        """Other bytes that came in at the same time."""
        return Chunk(data, self.at, self.closes)

    def closing(self) -> Chunk:
        """The end of the connection in place of these bytes: both ends are closed when all before it is written."""
        return Chunk(b"", self.at, closes=True)


class Buffer:
    """Chunks between one who puts and one who gets.

    Args:
        room: Bytes from which on `put` waits.
    """

    def __init__(self, room: float = ROOM) -> None:
        self._room = room
        self._chunks: deque[Chunk] = deque()
        self._size = 0
        self._waits: asyncio.Future[None] | None = None  # for chunks
        self._is_full: asyncio.Future[None] | None = None
        self._yields = False

    def __repr__(self) -> str:
        return f"<Buffer of {len(self._chunks)} chunks, {self._size} bytes>"

    async def get(self) -> Chunk | None:
        """The oldest chunk as soon as there is one; None when the buffer was given up."""
        while not self._chunks:
            if self._yields:
                return None
            self._waits = asyncio.get_running_loop().create_future()
            await self._waits
        if self._yields:
            return None
        chunk = self._chunks.popleft()
        self._size -= len(chunk.data)
        if self._size <= self._room:
            _wake(self._is_full)
        return chunk

    async def put(self, chunk: Chunk) -> bool:
        """Add a chunk when there is room; False when the buffer was given up before, and the chunk is not in it."""
        while self._size > self._room and not self._yields:
            self._is_full = asyncio.get_running_loop().create_future()
            await self._is_full
        if self._yields:
            return False
        self.add(chunk)
        return True

    def add(self, chunk: Chunk) -> None:
        """Add a chunk whether there is room or not."""
        self._chunks.append(chunk)
        self._size += len(chunk.data)
        _wake(self._waits)

    def resize(self, room: float) -> None:
        """Have more room or less from now on; what is in it stays."""
        self._room = room
        _wake(self._is_full)

    def give_up(self) -> None:
        """Whoever gets from it or puts into it stops at once; what is in it stays."""
        self._yields = True
        _wake(self._waits)
        _wake(self._is_full)

    def take_all(self) -> list[Chunk]:
        """Everything in it, of a buffer that was given up."""
        chunks, self._size = list(self._chunks), 0
        self._chunks.clear()
        return chunks


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
