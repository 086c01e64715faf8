"""What a client of Redis needs to know, and the connections that it has."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from time import perf_counter
from typing import Any

from pytest_roo_load.clients.counting import count_failure
from pytest_roo_load.core.ports import Recorder, Slot
from pytest_roo_load.errors import OperationError
from pytest_roo_load.workloads.redis.connection import Redis, command, connect, first_refusal
from pytest_roo_load.workloads.redis.keys import slot_of
from pytest_roo_load.workloads.redis.server import Node

__all__ = ["TALLIES", "Links", "Part", "Tally", "commands"]

TALLIES = "roo.redis.tallies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Travels to generators; see `settings.Choices`."""

    nodes: tuple[Node, ...]
    prefix: str
    workload: str
    keys: int
    exponent: float | None
    value_size: int
    reads: float
    pipeline: int
    ttl_ms: int | None
    subscribers: int
    open: bool

    def node_of(self, key: str) -> int:
        """The number of the node that has a key."""
        if len(self.nodes) == 1:
            return 0
        slot = slot_of(key.encode())
        return next(number for number, (_, first, last) in enumerate(self.nodes) if first <= slot <= last)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one client knows of its commands.

    Attributes:
        hits: GETs that found something.
        misses: GETs that did not.
        acknowledged: Key → how often a change of it was acknowledged, where the load counts that.
        unknown: The same of changes that were sent and not answered.
        sent: Messages that were published.
        lost: Of these, how many a subscriber did not get, summed over subscribers.
        duplicated: Messages that came twice.
        reordered: Messages that came after a later one.
    """

    hits: int = 0
    misses: int = 0
    acknowledged: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0

    def add(self, other: Tally) -> None:
        """Add what another client counted."""
        for name in ("hits", "misses", "sent", "lost", "duplicated", "reordered"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, theirs in ((self.acknowledged, other.acknowledged), (self.unknown, other.unknown)):
            for key, number in theirs.items():
                mine[key] = mine.get(key, 0) + number


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """The commands for each key number, encoded once for all users of a generator."""

    gets: Sequence[bytes]
    sets: Sequence[bytes]
    nodes: Sequence[int]


@lru_cache(maxsize=4)
def commands(part: Part) -> Commands:
    """The commands of a part. A SET carries bytes that differ from key to key and do not compress to nothing."""
    names = [f"{part.prefix}k:{number}" for number in range(part.keys)]
    expiry = () if part.ttl_ms is None else ("PX", part.ttl_ms)
    return Commands(
        gets=[command("GET", name) for name in names],
        sets=[command("SET", name, value_of(name, part.value_size), *expiry) for name in names],
        nodes=[part.node_of(name) for name in names] if len(part.nodes) > 1 else (),
    )


def value_of(name: str, size: int) -> bytes:
    """What a key holds: the same for the same name."""
    return (b"%08x" % zlib.crc32(name.encode()) * (size // 8 + 1))[:size]


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
        note(slot, perf_counter() - began, number)
        return answers

    def close(self) -> None:
        """Close all; idempotent."""
        for link in self._links.values():
            link.close()
        self._links.clear()


def note(slot: Slot, latency: float, number: int) -> None:
    """Record the latency of each of the commands that were sent at once."""
    if number == 1:
        slot.ok.append(latency)
    elif isinstance(slot.ok, list):
        slot.ok.extend([latency] * number)
    else:
        for _ in range(number):
            slot.ok.append(latency)
