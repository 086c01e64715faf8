"""What the tests of the proxy share: an event loop whose clock jumps, one toxic by itself, and real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterable
from random import Random
from typing import Any, TypeVar

from pytest_roo_load.chaos.chunk import Buffer, Chunk
from pytest_roo_load.chaos.stage import Stage, Toxic

T = TypeVar("T")
Arrivals = list[tuple[float, bytes]]


class JumpingLoop(asyncio.SelectorEventLoop):
    """Never waits for a timer: when nothing else is to be done, the clock jumps to the next one."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._now = max(self._now, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def in_virtual_time(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, however long its waits are."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work)


class FakeEnds:
    """Notes what a toxic does to its connection. Implements `chaos.stage.Ends`."""

    def __init__(self) -> None:
        self.done: list[tuple[str, float]] = []

    def close(self) -> None:
        self.done.append(("close", round(asyncio.get_running_loop().time(), 6)))

    def reset(self) -> None:
        self.done.append(("reset", round(asyncio.get_running_loop().time(), 6)))


class Trial:
    """One toxic alone: what is sent through it, what comes out when, and what becomes of the connection."""

    def __init__(self, toxic: Toxic, *, seed: int = 1, state: dict[str, Any] | None = None) -> None:
        self.ends = FakeEnds()
        self.came: Arrivals = []
        self.left: list[bytes] = []
        self.closes = False
        self._toxic = toxic
        self._random = Random(seed)
        self._state = {} if state is None else state

    def run(self, sent: Iterable[tuple[float, bytes]], *, until: float | None = None, end: bool = True) -> Arrivals:
        """Send chunks at their moments; with `until` the toxic is taken away at that moment."""
        return in_virtual_time(self._run(list(sent), until=until, end=end))

    async def _run(self, sent: Arrivals, *, until: float | None, end: bool) -> Arrivals:
        source, sink = Buffer(), Buffer()
        stage = Stage(source, sink, random=self._random, state=self._state, ends=self.ends)
        loop = asyncio.get_running_loop()
        for place, (at, data) in enumerate([*sent, *([(sent[-1][0], b"")] if end else [])]):
            loop.call_at(at + place * 1e-9, source.add, Chunk(data, at))  # in order, also at the same moment
        collecting = asyncio.create_task(self._collect(sink))
        piping = asyncio.create_task(self._toxic.pipe(stage))
        if until is not None:
            loop.call_at(until, stage.interrupt)
        await asyncio.wait({piping}, timeout=1e6)
        piping.cancel()
        self.left = [chunk.data for chunk in source.take_all()]
        await asyncio.sleep(0)
        collecting.cancel()
        return self.came

    async def _collect(self, sink: Buffer) -> None:
        while (chunk := await sink.get()) is not None:
            self.closes = chunk.closes
            self.came.append((round(asyncio.get_running_loop().time(), 6), chunk.data))


def joined(arrivals: Arrivals) -> bytes:
    return b"".join(data for _, data in arrivals)


class Server:
    """A TCP server on this event loop that does what it is given to do with each connection."""

    def __init__(self, talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]) -> None:
        self._talk = talk
        self.errors: list[str] = []

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._safely, "127.0.0.1", 0, backlog=1000)
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _safely(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except OSError as error:
            self.errors.append(type(error).__name__)
        finally:
            writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back everything, and the end too."""
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


def has_gone(port: int) -> bool:
    """Whether a connection to the port is refused."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0
