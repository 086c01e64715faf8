"""What one toxic sees of one direction of one connection."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from random import Random
from typing import Any, Protocol

from pytest_roo_load.chaos.chunk import Buffer, Chunk

__all__ = ["Ends", "Stage", "Toxic"]


class Ends(Protocol):
    """Both ends of a connection."""

    def close(self) -> None:
        """Close both ends as a program that has finished would."""

    def reset(self) -> None:
        """Break both ends off with a reset."""


class Stage:
    """Gives a toxic chunks one by one, takes what it makes of them, and lets it wait.

    A stage is interrupted when the toxics of its link change: its iteration ends, every wait returns at once, and what
    it has in hand goes on as it is. So no byte is lost unless losing it is what the toxic is for.

    Attributes:
        random: The toxic's own for this direction of this connection.
        state: Kept for the connection when the stage is made anew.
        ends: The connection.
    """

    def __init__(self, source: Buffer, sink: Buffer, *, random: Random, state: dict[str, Any], ends: Ends) -> None:
        self.random = random
        self.state = state
        self.ends = ends
        self._source = source
        self._sink = sink
        self._waits: asyncio.Future[None] | None = None
        self.interrupted = False

    def __repr__(self) -> str:
        return f"<Stage {'interrupted' if self.interrupted else 'open'} from {self._source!r} to {self._sink!r}>"

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        while (chunk := await self._source.get()) is not None:
            yield chunk
            if chunk.is_end:
                return

    @property
    def now(self) -> float:
        """The event loop's clock, which the chunks' `at` is of."""
        return asyncio.get_running_loop().time()

    async def wait_until(self, moment: float) -> None:
        """Wait until then, or until the stage is interrupted."""
        loop = asyncio.get_running_loop()
        if self.interrupted or moment <= loop.time():
            return
        self._waits = loop.create_future()
        timer = None if moment == math.inf else loop.call_at(moment, _wake, self._waits)
        try:
            await self._waits
        finally:
            if timer is not None:
                timer.cancel()

    async def send(self, chunk: Chunk) -> None:
        """Pass a chunk on."""
        await self._sink.put(chunk)

    def interrupt(self) -> None:
        """End iteration and waits."""
        self.interrupted = True
        self._source.give_up()
        if self._waits is not None:
            _wake(self._waits)


class Toxic(Protocol):
    """One way to break a direction of a link: settings, and what is done to the stream."""

    async def pipe(self, stage: Stage) -> None:
        """Pass chunks on, or not, until the iteration ends."""


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
