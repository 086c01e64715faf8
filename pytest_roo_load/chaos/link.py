"""A link: a port that leads to another one, and the toxics on the way."""

from __future__ import annotations

import asyncio
import errno
import itertools
import socket
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pytest_roo_load.chaos.chain import Place
from pytest_roo_load.chaos.connection import Connection, Direction
from pytest_roo_load.chaos.stage import Toxic
from pytest_roo_load.chaos.toxics import make_toxic
from pytest_roo_load.errors import UsageError

__all__ = ["DIRECTIONS", "Active", "Link", "active_of"]

DIRECTIONS = ("upstream", "downstream")
BACKLOG = 4096
SETTLE_S = 0.5
AT_ONCE = 64  # connections that are taken before others get their turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """A toxic on a link.

    Attributes:
        id: Names it within its link.
        dice: What the dice are thrown for: the same for both directions of one request.
        direction: "upstream", from the client to the server, or "downstream".
        probability: With which a connection has it.
    """

    id: str
    dice: str
    kind: str
    direction: str
    settings: Mapping[str, Any]
    probability: float
    toxic: Toxic = field(repr=False)


class Link:
    """Listens on a port of this machine and carries what comes to the server.

    Args:
        name: How it is called.
        server: Host and port that it leads to.
        seed: Of everything that is random in it.
    """

    def __init__(self, name: str, server: tuple[str, int], seed: int) -> None:
        self.name = name
        self.server = server
        self.opened = self.refused = 0
        self.passed = dict.fromkeys(DIRECTIONS, 0)  # of connections that are closed
        self.toxics: dict[str, Active] = {}
        self._seed = seed
        self._numbers = itertools.count(1)
        self._had: Counter[str] = Counter()  # toxic -> connections, closed ones as well
        self._connections: dict[Connection, tuple[int, dict[str, Place]]] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._listener: socket.socket | None = None
        self._address = ("127.0.0.1", 0)

    def __repr__(self) -> str:
        state = "up" if self._listener else "down"
        return f"<Link {self.name} {state}: {len(self._connections)} connections, {len(self.toxics)} toxics>"

    @property
    def port(self) -> int:
        """Where it listens, or did when it was up."""
        return self._address[1]

    @property
    def is_up(self) -> bool:
        """Whether it takes connections."""
        return self._listener is not None

    def up(self, port: int | None = None) -> None:
        """Listen, on the port that it had; on this one, 0 for any, the first time.

        Raises:
            UsageError: The port is in use.
        """
        if self._listener is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self.port if port is None else port))
        except OSError as error:
            listener.close()
            raise UsageError("the port is in use", value=port or self.port, allowed="a free port, or 0") from error
        listener.listen(BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - the library's signature
        self._address = listener.getsockname()
        self._listener = listener
        asyncio.get_running_loop().add_reader(listener, self._accept)

    def down(self) -> None:
        """Refuse connections, and reset those that there are."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for task in self._opening:
            task.cancel()
        for connection in list(self._connections):
            connection.reset()

    def add(self, active: Active) -> None:
        """Put a toxic on the link, behind those that are there; live connections have it at once.

        Raises:
            UsageError: It has one of that id.
        """
        if active.id in self.toxics:
            raise UsageError("the link has such a toxic", value=active.id, allowed="another id")
        self.toxics[active.id] = active
        self._had[active.id] = 0
        self._refresh()

    def remove(self, toxic_id: str) -> None:
        """Take a toxic away; what it held back goes on.

        Raises:
            UsageError: There is none of that id.
        """
        if self.toxics.pop(toxic_id, None) is None:
            raise UsageError("no such toxic", value=toxic_id, allowed=", ".join(self.toxics) or "none")
        self._refresh()

    async def settled(self) -> None:
        """Return when every live connection has the toxics that it should have.

        One whose receiver does not read cannot change before it does: such a connection is not waited for.
        """
        directions = [one for name in DIRECTIONS for one in self._directions(name)]
        await asyncio.gather(*(one.settled(SETTLE_S) for one in directions))

    def facts(self) -> dict[str, Any]:
        """What there is to know of it, as JSON has it."""
        return {
            "name": self.name,
            "port": self.port,
            "server": list(self.server),
            "up": self.is_up,
            "connections": len(self._connections),
            "opened": self.opened,
            "refused": self.refused,
            "passed": {one: self.passed[one] + sum(c.passed for c in self._directions(one)) for one in DIRECTIONS},
            "toxics": [self._facts(active) for active in self.toxics.values()],
        }

    def _facts(self, active: Active) -> dict[str, Any]:
        having = sum(active.id in places for _, places in self._connections.values())
        return {
            "id": active.id,
            "kind": active.kind,
            "direction": active.direction,
            "settings": dict(active.settings),
            "probability": active.probability,
            "connections": having,
            "had": self._had[active.id],
        }

    def _directions(self, name: str) -> list[Direction]:
        return [getattr(connection, name) for connection in self._connections]

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            if self._listener is None:
                return
            try:
                client, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    return  # the backlog keeps them until descriptors are free
                continue  # it has gone before it was taken
            client.setblocking(False)  # noqa: FBT003 - the library's signature
            task = asyncio.create_task(self._open(client))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        server.setblocking(False)  # noqa: FBT003 - the library's signature
        try:
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(server, self.server)
        except (OSError, asyncio.CancelledError):
            self.refused += 1
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
            server.close()
            return
        self.opened += 1
        connection = Connection(client, server, self._closed)
        self._connections[connection] = next(self._numbers), {}
        for direction in DIRECTIONS:
            getattr(connection, direction).begin(self._places(connection, direction))

    def _closed(self, connection: Connection) -> None:
        del self._connections[connection]
        for direction in DIRECTIONS:
            self.passed[direction] += getattr(connection, direction).passed

    def _refresh(self) -> None:
        for connection, (_, places) in list(self._connections.items()):
            for gone in places.keys() - self.toxics.keys():
                del places[gone]
            for direction in DIRECTIONS:
                getattr(connection, direction).use(self._places(connection, direction))

    def _places(self, connection: Connection, direction: str) -> list[Place]:
        """The toxics that a connection has in a direction; its dice are thrown once for each."""
        number, known = self._connections[connection]
        for active in self.toxics.values():
            if active.direction == direction and active.id not in known:
                own = f"{self._seed} {self.name} {number}"
                if Random(f"{own} dice {active.dice}").random() < active.probability:
                    known[active.id] = Place(active.toxic, Random(f"{own} {active.id}"))
                    self._had[active.id] += 1
        return [known[one.id] for one in self.toxics.values() if one.direction == direction and one.id in known]


def active_of(data: Mapping[str, Any]) -> list[Active]:
    """The toxics that a request asks for: one, or for the direction "both" two.

    Raises:
        UsageError: Something in it cannot be used.
    """
    wanted = data.get("direction", "downstream")
    if wanted not in (*DIRECTIONS, "both"):
        raise UsageError("no such direction", value=wanted, allowed=", ".join((*DIRECTIONS, "both")))
    probability = data.get("probability", 1.0)
    if isinstance(probability, bool) or not isinstance(probability, int | float) or not 0 < probability <= 1:
        raise UsageError("probability is out of range", value=probability, allowed="more than 0, up to 1")
    kind, settings = data.get("kind", ""), data.get("settings", {})
    base = data.get("id", kind)
    return [
        Active(
            id=base if wanted != "both" else f"{base} {direction}",
            dice=base,
            kind=kind,
            direction=direction,
            settings=settings,
            probability=float(probability),
            toxic=make_toxic(kind, settings),
        )
        for direction in DIRECTIONS
        if wanted in (direction, "both")
    ]
