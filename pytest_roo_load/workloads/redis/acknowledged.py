"""Changes that are counted by who made them, so that afterwards all of them must be there."""

from __future__ import annotations

from pytest_roo_load.workloads.redis.connection import command
from pytest_roo_load.workloads.redis.worker import Worker

__all__ = ["Lua", "Streams"]

_COUNTERS = 16
_STREAMS = 16
_SCRIPT = "local n = redis.call('INCRBY', KEYS[1], ARGV[1]) if n % 2 == 0 then return {n, 'even'} end return {n, 'odd'}"


class Lua(Worker):
    """A script that counts, on few keys that everybody shares: what was acknowledged must all be there."""

    async def turn(self) -> None:
        """One count."""
        key = f"{self.part.prefix}counter:{int(self.user.random.random() * _COUNTERS)}"
        unknown = self.tally.unknown
        unknown[key] = unknown.get(key, 0) + 1
        await self.links.ask("EVAL", key, command("EVAL", _SCRIPT, 1, key, 1))
        unknown[key] -= 1
        self.tally.acknowledged[key] = self.tally.acknowledged.get(key, 0) + 1


class Streams(Worker):
    """Entries added to few streams, of which the latest are read back now and then."""

    async def turn(self) -> None:
        """One entry."""
        key = f"{self.part.prefix}stream:{self.user.id % _STREAMS}"
        body = "x" * self.part.value_size
        unknown = self.tally.unknown
        unknown[key] = unknown.get(key, 0) + 1
        await self.links.ask("XADD", key, command("XADD", key, "*", "user", self.user.id, "body", body))
        unknown[key] -= 1
        self.tally.acknowledged[key] = self.tally.acknowledged.get(key, 0) + 1
        if self.user.random.random() < 0.1:  # noqa: PLR2004 - every tenth
            await self.links.ask("XREVRANGE", key, command("XREVRANGE", key, "+", "-", "COUNT", 10))
