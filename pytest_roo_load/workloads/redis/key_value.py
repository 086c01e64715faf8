"""GETs and SETs over many keys."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

from pytest_roo_load.engine.user import VirtualUser
from pytest_roo_load.workloads.redis.connection import Redis
from pytest_roo_load.workloads.redis.keys import Draws
from pytest_roo_load.workloads.redis.part import Part, commands
from pytest_roo_load.workloads.redis.worker import Worker

__all__ = ["KeyValue"]


class KeyValue(Worker):
    """GETs and SETs over many keys, some at once when there is a pipeline."""

    def __init__(self, part: Part, user: VirtualUser) -> None:
        super().__init__(part, user)
        reads = {"get": 1.0, "set": 0.0}.get(part.workload, part.reads)
        self._commands = commands(part)
        self._draws = Draws(part.keys, part.exponent, user.random.getrandbits(64))
        self._reads = self._planned(reads)
        self.turn = self._batch if part.pipeline > 1 or len(part.nodes) > 1 else self._single  # type: ignore[method-assign]

    def _planned(self, reads: float) -> Iterator[bool]:
        """Whether the next commands read, in a row that is drawn once and then repeated."""
        return itertools.cycle([self.user.random.random() < reads for _ in range(1009)])

    async def _single(self) -> None:
        (number,) = self._draws.take(1)
        link = await self.links.link(0)
        if next(self._reads):
            slot = self.user.recorder.slot("GET")
            (answer,) = await self.links.timed(slot, link, self._commands.gets[number], 1)
            if answer is None:
                self.tally.misses += 1
            else:
                self.tally.hits += 1
        else:
            await self.links.timed(self.user.recorder.slot("SET"), link, self._commands.sets[number], 1)

    async def _batch(self) -> None:
        """A pipeline: reads and writes apart, so that each has a name, and in a cluster each node its own."""
        numbers = self._draws.take(self.part.pipeline)
        reads = self._reads
        read: list[int] = []
        written: list[int] = []
        for number in numbers:
            (read if next(reads) else written).append(number)
        if len(self.part.nodes) == 1:
            await self._send(0, read, written)
            return
        nodes = self._commands.nodes
        for node in sorted({nodes[number] for number in numbers}):
            mine = [number for number in read if nodes[number] == node]
            await self._send(node, mine, [number for number in written if nodes[number] == node])

    async def _send(self, node: int, read: list[int], written: list[int]) -> None:
        link = await self.links.link(node)
        if not written:
            answers = await self._timed("GET", link, self._commands.gets, read)
        elif not read:
            answers = await self._timed("SET", link, self._commands.sets, written)
        else:
            answers, _ = await asyncio.gather(
                self._timed("GET", link, self._commands.gets, read),
                self._timed("SET", link, self._commands.sets, written),
            )
        if read:
            misses = answers.count(None)
            self.tally.misses += misses
            self.tally.hits += len(read) - misses

    async def _timed(self, name: str, link: Redis, encoded: Any, numbers: list[int]) -> list[Any]:
        data = b"".join(map(encoded.__getitem__, numbers))
        return await self.links.timed(self.user.recorder.slot(name), link, data, len(numbers))
