"""A link for datagrams (UDP): they are lost, delayed, doubled and overtaken, each by itself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from random import Random
from typing import Any

from pytest_roo_load.chaos.datagram_toxics import Draw, Placed, placed_of
from pytest_roo_load.errors import UsageError

__all__ = ["DatagramLink", "Weather"]

Address = tuple[str, int]
MOST_CLIENTS = 10_000
WEATHER = "weather"


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

    def draw(self, random: Random) -> Draw:
        """See `datagram_toxics.DatagramToxic`."""
        return lambda: self.delays(random)

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
    """Relays datagrams of any number of clients; each has a port of its own towards the server.

    Attributes:
        toxics: What happens to them, in this order, each to what the one before it has left.
        refused: Datagrams of more clients than it can have.
    """

    def __init__(self, name: str, server: Address, seed: int) -> None:
        self.name = name
        self.server = server
        self.toxics: dict[str, Placed] = {}
        self.arrived = self.sent = self.refused = 0
        self._weather = Weather()
        self._seed = f"{seed} {name}"
        self._front: asyncio.DatagramTransport | None = None
        self._clients: dict[Address, asyncio.DatagramTransport] = {}

    def __repr__(self) -> str:
        return f"<DatagramLink {self.name}: {len(self._clients)} clients, {self.arrived} arrived, {self.sent} sent>"

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._front.get_extra_info("sockname")[1]) if self._front else 0

    @property
    def weather(self) -> Weather:
        """What happens in both directions besides the other toxics."""
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        self._weather = weather
        self.toxics.pop(WEATHER, None)
        if weather != Weather():
            facts = {"id": WEATHER, "kind": WEATHER, "direction": "both", "settings": asdict(weather)}
            self.toxics[WEATHER] = Placed(facts, weather, self._seed)

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
        self._front = None

    def add(self, data: Mapping[str, Any]) -> None:
        """Put a toxic on the link, behind those that are there; see `placed_of`.

        Raises:
            UsageError: It has one of that id, or something in the request cannot be used.
        """
        toxic_id, placed = placed_of(data, self._seed)
        if toxic_id in self.toxics:
            raise UsageError("the link has such a toxic", value=toxic_id, allowed="another id")
        self.toxics[toxic_id] = placed

    def remove(self, toxic_id: str) -> None:
        """Take a toxic away; what it holds arrives when it would have.

        Raises:
            UsageError: There is none of that id.
        """
        if self.toxics.pop(toxic_id, None) is None:
            raise UsageError("no such toxic", value=toxic_id, allowed=", ".join(self.toxics) or "none")
        if toxic_id == WEATHER:
            self._weather = Weather()

    def heal(self) -> None:
        """Take all toxics away."""
        self.toxics.clear()
        self._weather = Weather()

    def facts(self) -> dict[str, Any]:
        """What there is to know of it, as JSON has it."""
        return {
            "name": self.name,
            "port": self.port,
            "server": list(self.server),
            "clients": len(self._clients),
            "arrived": self.arrived,
            "sent": self.sent,
            "refused": self.refused,
            "weather": asdict(self._weather),
            "toxics": [one.facts() for one in self.toxics.values()],
        }

    async def _from_client(self, data: bytes, client: Address) -> None:
        if client not in self._clients:
            if len(self._clients) >= MOST_CLIENTS:
                self.refused += 1
                return
            await self._connect(client)
        if (transport := self._clients.get(client)) is not None:
            self._relay("upstream", lambda: transport.sendto(data))

    async def _connect(self, client: Address) -> None:
        async def back(answer: bytes, _: Address) -> None:
            self._relay("downstream", lambda: self._answer(answer, client))

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Ear(back), remote_addr=self.server, family=socket.AF_INET
        )
        if self._front is None:
            transport.close()  # the link went down meanwhile
        else:
            self._clients[client] = transport

    def _answer(self, data: bytes, client: Address) -> None:
        if self._front is not None:
            self._front.sendto(data, client)

    def _relay(self, direction: str, send: Callable[[], object]) -> None:
        self.arrived += 1
        loop = asyncio.get_running_loop()
        delays_s = [0.0]
        for toxic in self.toxics.values():
            delays_s = toxic.after(delays_s, direction)
        for delay_s in delays_s:
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
