"""The connections of one client of Redis, on which every command is an operation."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from pytest_roo_load.clients.counting import count_failure
from pytest_roo_load.core.ports import Recorder, Slot
from pytest_roo_load.errors import OperationError
from pytest_roo_load.workloads.redis.connection import Redis, connect, first_refusal
from pytest_roo_load.workloads.redis.part import Part

__all__ = ["Links"]


class Links:
    """One user's connections, one for each node, opened when they are first used."""

    __slots__ = ("_links", "_part", "_recorder")

    def __init__(self, part: Part, recorder: Recorder) -> None:
        self._part = part
        self._recorder = recorder
        self._links: dict[int, Redis] = {}

    def __repr__(self) -> str:
        return f"<Links to {len(self._links)} nodes>"

    async def link(self, node: int) -> Redis:
        """The connection to a node; the time to open it is recorded as the group "connect"."""
        found = self._links.get(node)
        if found is None:
            found = self._links[node] = await self.opened(node)
        return found

    async def opened(self, node: int) -> Redis:
        """A connection besides the others, which the caller closes."""
        slot = self._recorder.group_slot("connect")
        slot.started += 1
        began = perf_counter()
        try:
            found = await connect(self._part.nodes[node][0])
        except OperationError as error:
            slot.fail(perf_counter() - began, error.kind, str(error))
            raise
        slot.ok.append(perf_counter() - began)
        return found

    async def ask(self, name: str, key: str, data: bytes) -> Any:
        """One command as an operation; its answer."""
        link = await self.link(self._part.node_of(key))
        (answer,) = await self.timed(self._recorder.slot(name), link, data, 1)
        return answer

    async def timed(self, slot: Slot, link: Redis, data: bytes, number: int) -> list[Any]:
        """Commands that are sent at once: each has the latency of all.

        Raises:
            UnexpectedAnswer: An answer was an error; all are counted as failed with it.
            ConnectionLost: The connection ended before the last answer.
        """
        slot.started += number
        refusals = link.refusals
        began = perf_counter()
        try:
            answers = await link.send(data, number)
            if link.refusals != refusals:
                refusal = first_refusal(answers)
                if refusal is not None:
                    raise refusal
        except OperationError as error:
            latency = perf_counter() - began
            for _ in range(number - 1):
                slot.fail(latency, error.kind, str(error))
            count_failure(slot, latency, error, "Redis")
            raise
        _note(slot, perf_counter() - began, number)
        return answers

    def close(self) -> None:
        """Close all; idempotent."""
        for link in self._links.values():
            link.close()
        self._links.clear()


def _note(slot: Slot, latency: float, number: int) -> None:
    """Record the latency of each of the commands that were sent at once."""
    if number == 1:
        slot.ok.append(latency)
    elif isinstance(slot.ok, list):
        slot.ok.extend([latency] * number)
    else:
        for _ in range(number):
            slot.ok.append(latency)
