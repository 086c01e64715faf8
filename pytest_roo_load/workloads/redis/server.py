"""What is done with a Redis besides the load: look at it, and take away what a run has left."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pytest_roo_load.workloads.redis.connection import Address, Redis, Refusal, connect
from pytest_roo_load.workloads.redis.keys import slot_of

__all__ = ["PREFIX", "RUNS", "Node", "Server", "parse_info"]

PREFIX = "roo:load:"
RUNS = f"{PREFIX}runs"
ALIVE_S = 30
_AT_ONCE = 1000

Node = tuple[Address, int, int]  # a server, and the first and last slot that it has


def parse_info(text: bytes) -> dict[str, str]:
    """The facts in the answer to INFO."""
    pairs = (line.partition(":") for line in text.decode(errors="replace").splitlines() if not line.startswith("#"))
    return {name: value for name, colon, value in pairs if colon}


class Server:
    """One server, or the nodes of a cluster.

    What a run makes has its prefix. The set `roo:load:runs` has the tokens of runs that have not cleaned up; a run
    that lives renews a key which expires 30 seconds after its death.

    Args:
        address: Of the server, or of any node.
        permit: Called with the URL of each node that a cluster names, before anything is sent there; raises where it
            may not be loaded. None permits all.

    Attributes:
        registered: Whether anything of this run can be there.
    """

    def __init__(self, address: Address, permit: Callable[[str], None] | None = None) -> None:
        self.token = secrets.token_hex(5)
        self.prefix = f"{PREFIX}{self.token}:"
        self.nodes: tuple[Node, ...] = ((address, 0, 16383),)
        self.registered = False
        self._address = address
        self._permit = permit
        self._connections: dict[Address, Redis] = {}

    def __repr__(self) -> str:
        return f"<Server {self._address}, {len(self.nodes)} nodes>"

    async def open(self) -> None:
        """Connect, find the nodes of a cluster, take away what dead runs have left, and say that this run lives.

        Raises:
            ConnectError: Nobody answers.
            Refusal: The server does not allow what is needed.
            UsageError: The cluster has a node that may not be loaded.
        """
        await self._connection(self._address)
        if (await self.info()).get("cluster_enabled") == "1":
            self.nodes = await self._cluster()
            if self._permit is not None:
                for url in sorted({address.url for address, _, _ in self.nodes}):
                    self._permit(url)
        await self.sweep()
        self.registered = True  # before it is: whoever is interrupted meanwhile has something to take away
        try:
            await self.ask_for(RUNS, "SADD", RUNS, self.token)
        except Refusal:
            self.registered = False
            raise
        await self.renew()

    async def renew(self) -> None:
        """Say that this run is alive."""
        key = f"{self.prefix}alive"
        await self.ask_for(key, "SET", key, "1", "EX", ALIVE_S)

    async def sweep(self) -> int:
        """Take away what dead runs have left; how many runs that were."""
        dead = 0
        for raw in await self.ask_for(RUNS, "SMEMBERS", RUNS):
            token = raw.decode()
            key = f"{PREFIX}{token}:alive"
            if token != self.token and not await self.ask_for(key, "EXISTS", key):
                await self.forget(token)
                dead += 1
        return dead

    async def forget(self, token: str) -> None:
        """Delete every key of a run, on every node."""
        for address, _, _ in self.nodes:
            connection = await self._connection(address)
            cursor: Any = b"0"
            while True:
                cursor, keys = await connection.ask("SCAN", cursor, "MATCH", f"{PREFIX}{token}:*", "COUNT", _AT_ONCE)
                for key in keys:  # one by one: the keys of a cluster's node may be in different slots
                    connection.send_and_forget("UNLINK", key)
                if cursor == b"0":
                    break
            await connection.ask("PING")
        await self.ask_for(RUNS, "SREM", RUNS, token)

    async def check_channels(self) -> None:
        """Publish and subscribe once, on the node that has the channels.

        Raises:
            Refusal: The server does not allow it.
        """
        channel, address = f"{self.prefix}channel", self.nodes[0][0]
        await (await self._connection(address)).ask("PUBLISH", channel, "")
        subscriber = await connect(address)
        try:
            await subscriber.ask("SUBSCRIBE", channel)
        finally:
            subscriber.close()

    async def ask_for(self, key: str, *parts: str | bytes | float) -> Any:
        """One command, sent to the node that has the key."""
        slot = slot_of(key.encode())
        address = next(address for address, first, last in self.nodes if first <= slot <= last)
        return await (await self._connection(address)).ask(*parts)

    async def info(self) -> dict[str, str]:
        """What the first node says of itself."""
        return parse_info(await (await self._connection(self._address)).ask("INFO"))

    async def counters(self) -> dict[str, int]:
        """Sums over all nodes of what is counted or used."""
        wanted = (
            "keyspace_hits", "keyspace_misses", "evicted_keys", "expired_keys", "total_commands_processed",
            "used_memory",
        )  # fmt: skip
        sums = dict.fromkeys(wanted, 0)
        for address in dict.fromkeys(address for address, _, _ in self.nodes):
            info = parse_info(await (await self._connection(address)).ask("INFO"))
            for name in wanted:
                sums[name] += int(info.get(name, 0))
        return sums

    async def room(self) -> int | None:
        """Bytes until the memory limit of all nodes together; None without a limit."""
        room = 0
        for address in dict.fromkeys(address for address, _, _ in self.nodes):
            info = parse_info(await (await self._connection(address)).ask("INFO", "memory"))
            if not int(info.get("maxmemory", 0)):
                return None
            room += max(0, int(info["maxmemory"]) - int(info["used_memory"]))
        return room

    async def _cluster(self) -> tuple[Node, ...]:
        connection = await self._connection(self._address)
        found = []
        for first, last, (host, port, *_), *_ in await connection.ask("CLUSTER", "SLOTS"):
            name = host.decode() or self._address.host
            found.append((replace(self._address, host=name, port=port), int(first), int(last)))
        return tuple(found)

    async def _connection(self, address: Address) -> Redis:
        if address not in self._connections or self._connections[address].is_lost:
            self._connections[address] = await connect(address)
        return self._connections[address]

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()


def need_of(refusal: Refusal) -> tuple[str, str]:
    """What is needed where the server refuses: (what is allowed, what to do)."""
    if refusal.kind == "NOPERM":
        allowed = "a user who may use keys and channels that begin with roo:load:"
        return allowed, "as an administrator: ACL SETUSER ... ~roo:* &roo:* +@all"
    if refusal.kind == "NOAUTH":
        return "a URL with a password", "redis://:PASSWORD@host:port/0"
    if refusal.kind == "MISCONF":
        return "a server that can write what it keeps to its disk", "make room on its disk; its log says more"
    if refusal.kind == "OOM":
        return "a server with memory left", "free some, or raise maxmemory"
    if refusal.kind == "READONLY":
        return "a server that takes writes", "name the primary, not a replica"
    return "a server that takes our commands", "see its own message"
