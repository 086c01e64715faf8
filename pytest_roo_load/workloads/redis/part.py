"""What a client of Redis needs to know, and the commands that it sends."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pytest_roo_load.workloads.redis.connection import command
from pytest_roo_load.workloads.redis.keys import slot_of
from pytest_roo_load.workloads.redis.server import Node

__all__ = ["Commands", "Part", "commands", "value_of"]


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
