"""A link for datagrams (UDP): they are lost, delayed, doubled and overtaken, each by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from random import Random
from typing import Any

from pytest_roo_load.errors import UsageError

__all__ = ["DatagramLink", "Weather"]

Address = tuple[str, int]
MOST_CLIENTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What happens to datagrams, in both directions.

    Attributes:
        loss: Share that never arrives.
        duplicate: Share that arrives twice.
        reorder: Share that is held for `reorder_s`, so that others overtake it.
        latency_s: Delay of each, plus or minus up to `jitter_s`.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_s: float = 0.05
    latency_s: float = 0.0
    jitter_s: float = 0.0

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Weather:
        """From JSON.

        Raises:
            UsageError: There is no such setting, or it is out of range.
        """
        known = [field.name for field in fields(cls)]
        for name, value in data.items():
            if name not in known:
                raise UsageError("no such setting of datagrams", value=name, allowed=", ".join(known))
            most = 1e6 if name.endswith("_s") else 1.0
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
                raise UsageError(f"{name} is out of range", value=value, allowed=f"0 to {most:g}")
        return cls(**data)

    def delays(self, random: Random) -> list[float]:
        """After how many seconds a datagram arrives: once, twice, or not at all."""
        if random.random() < self.loss:
            return []
        copies = 2 if random.random() < self.duplicate else 1
        return [self._delay(random) for _ in range(copies)]

    def _delay(self, random: Random) -> float:
        held = self.reorder_s if random.random() < self.reorder else 0.0
        return max(0.0, held + self.latency_s + random.uniform(-self.jitter_s, self.jitter_s))


class DatagramLink:
    """Relays datagrams of any number of clients; each has a port of its own towards the server."""

    def __init__(self, name: str, server: Address, seed: int) -> None:
        self.name = name
        self.server = server
        self.weather = Weather()
        self.arrived = self.sent = 0
        self._random = Random(f"{seed} {name}")
        self._front: asyncio.DatagramTransport | None = None
        self._clients: dict[Address, asyncio.DatagramTransport] = {}

    def __repr__(self) -> str:
        return f"<DatagramLink {self.name}: {len(self._clients)} clients, {self.arrived} arrived, {self.sent} sent>"

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._front.get_extra_info("sockname")[1]) if self._front else 0

    async def up(self, port: int) -> None:
        """Listen, on this port or for 0 on any.

        Raises:
            UsageError: The port is in use.
        """
        try:
            self._front, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Ear(self._from_client), local_addr=("127.0.0.1", port)
            )
        except OSError as error:
            raise UsageError("the port is in use", value=port, allowed="a free port, or 0") from error

    def down(self) -> None:
        """Close every port."""
        for transport in (self._front, *self._clients.values()):
            if transport is not None:
                transport.close()
        self._clients.clear()

    def facts(self) -> dict[str, Any]:
        """What there is to know of it, as JSON has it."""
        return {
            "name": self.name,
            "port": self.port,
            "server": list(self.server),
            "clients": len(self._clients),
            "arrived": self.arrived,
            "sent": self.sent,
            "weather": {field.name: getattr(self.weather, field.name) for field in fields(Weather)},
        }

    async def _from_client(self, data: bytes, client: Address) -> None:
        if client not in self._clients and len(self._clients) < MOST_CLIENTS:

            async def back(answer: bytes, _: Address) -> None:
                self._relay(lambda: self._answer(answer, client))

            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Ear(back), remote_addr=self.server
            )
            self._clients.setdefault(client, transport)
        transport = self._clients[client]
        self._relay(lambda: transport.sendto(data))

    def _answer(self, data: bytes, client: Address) -> None:
        if self._front is not None:
            self._front.sendto(data, client)

    def _relay(self, send: Callable[[], object]) -> None:
        self.arrived += 1
        loop = asyncio.get_running_loop()
        for delay_s in self.weather.delays(self._random):
            self.sent += 1
            if delay_s:
                loop.call_later(delay_s, send)
            else:
                send()


class _Ear(asyncio.DatagramProtocol):
    """Hands on what arrives, in order."""

    def __init__(self, take: Callable[[bytes, Address], Any]) -> None:
        self._take = take
        self._last: asyncio.Task[None] | None = None

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Part of asyncio's protocol."""
        self._last = asyncio.create_task(self._after(self._last, data, addr))

    async def _after(self, last: asyncio.Task[None] | None, data: bytes, sender: Address) -> None:
        if last is not None:
            await last
        await self._take(data, sender)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens at the other end: as with a real network, the datagram is lost."""
