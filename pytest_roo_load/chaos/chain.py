"""One direction of a connection with toxics: a reader, a stage for each toxic, and a writer."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from pytest_roo_load.chaos.chunk import ROOM, Buffer, Chunk
from pytest_roo_load.chaos.fast import Track
from pytest_roo_load.chaos.stage import Ends, Stage, Toxic

__all__ = ["Chain", "Place"]

READ = 1 << 16
_NOTHING_MORE = Chunk(b"", -math.inf)  # the chain ends, the stream goes on


class Place:
    """A toxic's place in a direction of a connection: what it keeps when the chain is made anew."""

    def __init__(self, toxic: Toxic, random: Random) -> None:
        self.toxic = toxic
        self.random = random
        self.state: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<Place of {self.toxic!r}>"


class Chain:
    """Carries bytes through stages."""

    def __init__(self, source: socket.socket, sink: socket.socket, track: Track, ends: Ends) -> None:
        self._source = source
        self._sink = sink
        self._track = track
        self._ends = ends
        self._loop = asyncio.get_running_loop()
        self._tail = Buffer()
        self._head = self._tail
        self._stages: list[tuple[Stage, asyncio.Task[None], Buffer]] = []
        self._stopping = False
        self._arranged = asyncio.Event()
        self._arranged.set()
        self._readable: asyncio.Future[None] = self._loop.create_future()
        self._reader = asyncio.create_task(self._read())
        self._writer = asyncio.create_task(self._write())

    def __repr__(self) -> str:
        return f"<Chain of {len(self._stages)} stages>"

    async def arrange(self, places: Sequence[Place]) -> None:
        """Have these stages from now on; what is in the old ones goes on to the writer, in order."""
        self._arranged.clear()
        self._tail.resize(math.inf)
        await self._dissolve()
        self._tail.resize(ROOM)
        buffers = [Buffer() for _ in places] + [self._tail]
        for place, source, sink in zip(places, buffers, buffers[1:], strict=False):
            stage = Stage(source, sink, random=place.random, state=place.state, ends=self._ends)
            self._stages.append((stage, asyncio.create_task(place.toxic.pipe(stage)), source))
        self._head = buffers[0]
        self._arranged.set()

    async def stop(self, then: Callable[[], None]) -> None:
        """Read nothing more, and call `then` when all has been written; not when the stream has ended."""
        self._stopping = True
        self._wake()
        await self.arrange(())
        await self._reader
        self._tail.add(_NOTHING_MORE)
        if await self._writer:
            then()

    def close(self) -> None:
        """Stop; what is on its way is lost."""
        for task in (self._reader, self._writer, *(task for _, task, _ in self._stages)):
            task.cancel()

    async def _dissolve(self) -> None:
        stages, self._stages = self._stages, []
        for place, (stage, task, source) in enumerate(stages):
            following = stages[place + 1][2] if place + 1 < len(stages) else self._tail
            following.resize(math.inf)
            stage.interrupt()
            await asyncio.wait({task})
            for chunk in source.take_all():
                following.add(chunk)

    async def _read(self) -> None:
        while await self._is_readable():
            try:
                data = self._source.recv(READ)
            except BlockingIOError:
                continue
            except OSError as error:
                self._track.broken(error)
                return
            self._track.passed += len(data)
            chunk = Chunk(data, self._loop.time())
            while not await self._head.put(chunk):
                await self._arranged.wait()
            if not data:
                return

    async def _is_readable(self) -> bool:
        """Wait until there is something to read; False when nothing is to be read any more."""
        if self._stopping:
            return False
        self._readable = self._loop.create_future()
        self._loop.add_reader(self._source, self._wake)
        try:
            await self._readable
        finally:
            self._loop.remove_reader(self._source)
        return not self._stopping

    def _wake(self) -> None:
        if not self._readable.done():
            self._readable.set_result(None)

    async def _write(self) -> bool:
        """Whether the stream goes on."""
        while (chunk := await self._tail.get()) is not None:
            if chunk is _NOTHING_MORE:
                return True
            if chunk.is_end:
                self._ends.close() if chunk.closes else self._track.ended()
                return False
            try:
                await self._loop.sock_sendall(self._sink, chunk.data)
            except OSError as error:
                self._track.broken(error)
                return False
        return False
