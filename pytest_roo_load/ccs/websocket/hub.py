"""All WebSockets of this instance: who is connected, and who has been silent for too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from pytest_roo_load.ccs.sessions import Identity
from pytest_roo_load.ccs.websocket.connection import Connection, Farewell, Outbox

SHUTTING_DOWN = Farewell(code=1001, reason="Server shutting down")
SILENT = Farewell(code=1001, reason="Heartbeat timeout")
UNREGISTERED = Farewell(code=1008, reason="Registration timeout")
SESSION_ENDED = Farewell(code=1008, reason="Session ended")
OVERLOADED = Farewell(code=1013, reason="Server overloaded")
REPLACED = Farewell(code=4001, reason="Replaced by a newer connection")
_SWEEP_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the hub waits, in seconds: for a registration, between pings, and for a sign of life."""

    register_s: float
    ping_s: float
    silence_s: float


class Hub:
    """The open connections, registered or not, at most ``limit``."""

    def __init__(self, *, limit: int, patience: Patience) -> None:
        self._limit = limit
        self._patience = patience
        self._open: set[Connection] = set()
        self._devices: dict[str, dict[str, Connection]] = {}
        self.outbox = Outbox()
        # Is told, from time to time, for how many seconds a connection has said nothing.
        self.idle: Callable[[Connection, float], None] = lambda _connection, _idle_s: None

    def __repr__(self) -> str:
        return f"<Hub {len(self._open)} of {self._limit} connections, {len(self._devices)} users>"

    def __len__(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        """Whether no further connection fits."""
        return len(self._open) >= self._limit

    def opened(self, connection: Connection) -> None:
        """Take a connection under supervision."""
        self._open.add(connection)

    def register(self, connection: Connection, identity: Identity) -> None:
        """Make a connection reachable as its device; an older one of the same device is closed."""
        connection.identity = identity
        devices = self._devices.setdefault(identity.user_id, {})
        older = devices.get(identity.device_id)
        devices[identity.device_id] = connection
        if older is not None and older is not connection:
            older.end(REPLACED)

    def closed(self, connection: Connection) -> bool:
        """Forget a connection; tell whether its device is now without one here."""
        self._open.discard(connection)
        if connection.identity is None:
            return False
        user_id, device_id = connection.identity.user_id, connection.identity.device_id
        devices = self._devices.get(user_id, {})
        if devices.get(device_id) is not connection:
            return False
        del devices[device_id]
        if not devices:
            del self._devices[user_id]
        return True

    def device(self, user_id: str, device_id: str) -> Connection | None:
        """Return the connection of a user's device, None when it is not here."""
        devices = self._devices.get(user_id)
        return None if devices is None else devices.get(device_id)

    def registered(self) -> Iterator[Identity]:
        """Return everyone who is reachable here."""
        for connection in list(self._open):
            if connection.identity is not None:
                yield connection.identity

    def registered_of(self, user_id: str) -> Iterator[Identity]:
        """Return the devices of one user that are reachable here."""
        for connection in self._devices.get(user_id, {}).values():
            if connection.identity is not None:
                yield connection.identity

    def deliver(self, user_id: str, data: bytes, *, to: str | None, sender: str, about: str | None = None) -> int:
        """Send a frame to one device of a user, or to all but the sender; return how many took it.

        With ``about``, only devices that are interested in it count.
        """
        if to is not None:
            devices = self._devices.get(user_id)
            connection = None if devices is None else devices.get(to)
            return int(connection is not None and connection.send(data))
        delivered = 0
        for device_id, connection in self._devices.get(user_id, {}).items():
            if device_id != sender and (about is None or about in connection.interests):
                delivered += connection.send(data)
        return delivered

    def end_sessions(self, session_ids: Collection[str]) -> None:
        """Close the connections of sessions that have ended."""
        ended = frozenset(session_ids)
        for connection in list(self._open):
            if connection.identity is not None and connection.identity.session_id in ended:
                connection.end(SESSION_ENDED)

    def evict(self, user_id: str, device_id: str) -> None:
        """Close the connection of a device that has connected to another instance."""
        connection = self.device(user_id, device_id)
        if connection is not None:
            connection.end(REPLACED)

    async def watch(self) -> None:
        """Ping everyone in turn and close the silent, until cancelled: one task, as a timer per socket costs more."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_S)
            self.sweep(loop.time())

    def sweep(self, now: float) -> None:
        """Do what is due at loop time ``now``."""
        patience = self._patience
        for connection in list(self._open):
            if now - connection.heard_at >= patience.silence_s:
                connection.end(SILENT)
            elif connection.identity is None and now - connection.opened_at >= patience.register_s:
                connection.end(UNREGISTERED)
            elif now - connection.pinged_at >= patience.ping_s:
                connection.ping(now)
            self.idle(connection, now - connection.active_at)

    def close(self) -> None:
        """End every connection because the server stops."""
        for connection in list(self._open):
            connection.end(SHUTTING_DOWN)
