"""The load on Redis as the session performs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pytest_roo_load.core.consistency.finding import Finding
from pytest_roo_load.core.consistency.totals import Count, all_accounted, arrived
from pytest_roo_load.core.fact import Fact
from pytest_roo_load.core.gauge import Gauge
from pytest_roo_load.core.profiles import Profile
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.errors import ConnectError, OperationError, UsageError
from pytest_roo_load.workloads.choices import Pace, one_of
from pytest_roo_load.workloads.lag import lag_facts
from pytest_roo_load.workloads.looks import Looks
from pytest_roo_load.workloads.redis.connection import Address, Redis, Refusal, connect, first_refusal
from pytest_roo_load.workloads.redis.journey import WORKLOADS, client
from pytest_roo_load.workloads.redis.part import Part, commands
from pytest_roo_load.workloads.redis.server import Server, need_of
from pytest_roo_load.workloads.redis.settings import Choices
from pytest_roo_load.workloads.redis.tally import TALLIES, Tally
from pytest_roo_load.workloads.workload import Examined, Measured, journey_of, recorded

__all__ = ["RedisWorkload"]

_RENEWED_EVERY_S = 5
_AT_ONCE = 1000
_KEYED = frozenset({"get", "set", "mixed", "ttl"})
_TTL_MS = 200


class RedisWorkload:
    """See `Workload`.

    Args:
        name: get, set, mixed, ttl, pubsub, streams or lua.
        url: Of the server, or of any node of a cluster.
        choices: How it is used.
        pace: How hard.
        permit: See `Server`.

    Raises:
        UsageError: The workload is not known, or the URL is none of a Redis.
    """

    def __init__(
        self, name: str, url: str, choices: Choices, pace: Pace, permit: Callable[[str], None] | None = None
    ) -> None:
        one_of("workload", name, WORKLOADS)
        self.profile: Profile = pace.profile()
        self._name = name
        self._address = Address.of(url)
        self._choices = replace(choices, ttl_ms=choices.ttl_ms or _TTL_MS) if name == "ttl" else choices
        self._pace = pace
        self._server = Server(self._address, permit)
        self._before: dict[str, int] = {}
        self._memory = Looks("memory of Redis", Dimension.SIZE)

    def __repr__(self) -> str:
        return f"<RedisWorkload {self._name} on {self._server!r}>"

    def journeys(self) -> Mapping[Any, float]:
        """See `Workload`."""
        return journey_of(client, self._part(), self._name)

    def _part(self) -> Part:
        choices = self._choices
        return Part(
            nodes=self._server.nodes,
            prefix=self._server.prefix,
            workload=self._name,
            keys=choices.keys,
            exponent=choices.exponent if choices.distribution == "zipf" else None,
            value_size=choices.value_size,
            reads=choices.reads,
            pipeline=choices.pipeline,
            ttl_ms=choices.ttl_ms,
            subscribers=choices.subscribers,
            open=self._pace.rate is not None,
        )

    async def prepare(self) -> None:
        """See `Workload`."""
        try:
            await self._server.open()
            await self._check_room()
            if self._name in _KEYED:
                await self._fill()
            if self._name == "pubsub":
                await self._server.check_channels()
            self._before = await self._server.counters()
        except ConnectError as error:
            raise UsageError(
                f"Redis cannot be used: {error}",
                value=repr(self._address),
                allowed="the URL of a running server that lets us in",
                remedy="start it, correct the URL, or leave it out for an embedded one",
            ) from error
        except Refusal as refusal:
            allowed, remedy = need_of(refusal)
            problem = f"Redis refuses what the load needs: {refusal}"
            raise UsageError(problem, value=repr(self._address), allowed=allowed, remedy=remedy) from refusal

    async def _check_room(self) -> None:
        """Refuse to make a server evict what is not ours, or fail for lack of memory."""
        room, needed = await self._server.room(), self._choices.bytes_needed
        if self._name in _KEYED and room is not None and room < needed and not self._choices.allow_eviction:
            raise UsageError(
                "the server has less memory left than the keys need",
                value=f"{needed / 1e6:,.0f} MB",
                allowed=f"{room / 1e6:,.0f} MB",
                remedy="use fewer keys or smaller values, or allow_eviction=True if others' keys may be evicted",
            )

    async def _fill(self) -> None:
        """Write every key once."""
        part = self._part()
        encoded = commands(part)
        links: dict[int, Redis] = {}
        try:
            for first in range(0, part.keys, _AT_ONCE):
                by_node: dict[int, list[bytes]] = {}
                for number in range(first, min(first + _AT_ONCE, part.keys)):
                    by_node.setdefault(encoded.nodes[number] if encoded.nodes else 0, []).append(encoded.sets[number])
                for node, data in by_node.items():
                    if node not in links:
                        links[node] = await connect(part.nodes[node][0])
                    refusal = first_refusal(await links[node].send(b"".join(data), len(data)))
                    if refusal is not None and not self._choices.allow_eviction:
                        raise Refusal(str(refusal))
        finally:
            for link in links.values():
                link.close()

    async def watch(self) -> None:
        """See `Workload`: say that the run is alive, and look at the server's memory."""
        for second in range(1_000_000_000):
            if second % _RENEWED_EVERY_S == 0:
                await self._server.renew()
            self._memory.note((await self._server.counters())["used_memory"])
            await asyncio.sleep(1)

    async def examine(self, measured: Measured) -> Examined:
        """See `Workload`."""
        tally = Tally()
        for one in recorded(measured.result, TALLIES):
            tally.add(one)
        after = await self._server.counters()
        self._memory.note(after["used_memory"])
        gauge = self._memory.gauge(measured.began, measured.ended)
        facts = (*_facts(tally, self._before, after), *lag_facts(measured.result), _peak(gauge))
        return Examined(facts=facts, findings=tuple(await self._findings(tally)), gauges=(gauge,))

    async def _findings(self, tally: Tally) -> list[Finding]:
        if self._name == "pubsub":
            return arrived(
                "published messages", tally.sent, lost=tally.lost, twice=tally.duplicated, late=tally.reordered
            )
        if not tally.acknowledged:
            return []
        kind = "counters" if self._name == "lua" else "streams"
        return [all_accounted(f"the {kind} have everything that was acknowledged", await self._counts(tally))]

    async def _counts(self, tally: Tally) -> list[Count]:
        """What is there, and what was acknowledged, key by key."""
        counts = []
        for key, acknowledged in sorted(tally.acknowledged.items()):
            there = await self._server.ask_for(key, *(("GET", key) if self._name == "lua" else ("XLEN", key)))
            name, unknown = key.removeprefix(self._server.prefix), tally.unknown.get(key, 0)
            counts.append(Count(name=name, found=int(there or 0), acknowledged=acknowledged, unknown=unknown))
        return counts

    async def clean_up(self) -> None:
        """See `Workload`; a connection that is lost is made anew for it."""
        try:
            if self._server.registered:
                await self._forget()
        finally:
            self._server.close()

    async def _forget(self) -> None:
        try:
            await self._server.forget(self._server.token)
        except ConnectError:
            return  # it never answered, so nothing of ours is there; or it is gone, and the next run will see to it
        except (OperationError, Refusal):
            self._server.close()
            await self._server.forget(self._server.token)


def _facts(tally: Tally, before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[Fact]:
    """What clients and server counted over the whole load."""
    asked = tally.hits + tally.misses
    if asked:
        yield Fact(name="hit rate", value=tally.hits / asked, dimension=Dimension.RATIO)
        yield Fact(name="hits", value=tally.hits)
        yield Fact(name="misses", value=tally.misses)
    if tally.sent:
        yield Fact(name="messages published", value=tally.sent)
    names = {
        "keyspace_hits": "hits of all clients that the server counted",
        "keyspace_misses": "misses of all clients that the server counted",
        "evicted_keys": "evicted keys",
        "expired_keys": "expired keys",
        "total_commands_processed": "commands of all clients that the server counted",
    }
    for name, shown in names.items():
        yield Fact(name=shown, value=after[name] - before.get(name, 0))


def _peak(gauge: Gauge) -> Fact:
    return Fact(name="memory of Redis, at most", value=gauge.peak, dimension=Dimension.SIZE)
