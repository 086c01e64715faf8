"""Whether devices are there: online, away after 5 minutes without a frame, offline after 15 or when they have gone.

A Redis hash per user, ``ccs:presence:<user>``, has for each device its status and when it was last active; so that
what an instance that was killed has left there fades by itself.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from pytest_roo_load.ccs.sessions import Identity
from pytest_roo_load.ccs.websocket import protocol
from pytest_roo_load.ccs.websocket.chores import Chores
from pytest_roo_load.ccs.websocket.connection import Connection
from pytest_roo_load.ccs.websocket.hub import Hub
from pytest_roo_load.ccs.websocket.relay import Relay

ONLINE, AWAY, OFFLINE = "online", "away", "offline"
STATUSES = (ONLINE, AWAY, OFFLINE)
AWAY_S, OFFLINE_S = 5 * 60.0, 15 * 60.0
_KIND = "presence"
# How often it is noted that a device is still active.
_NOTE_S = 60.0
_TROUBLE = (RedisError, OSError, TimeoutError)

log = logging.getLogger("ccs.presence")


def status_after(idle_s: float) -> str:
    """Return the status of a device that was last active so long ago."""
    if idle_s >= OFFLINE_S:
        return OFFLINE
    return AWAY if idle_s >= AWAY_S else ONLINE


class Presence:
    """Notes what devices do and tells the user's other devices, at all instances."""

    def __init__(self, redis: Redis, hub: Hub, relay: Relay, chores: Chores) -> None:
        self._redis = redis
        self._hub = hub
        self._relay = relay
        self._chores = chores
        relay.handlers[_KIND] = self._heard
        hub.idle = self._idle

    def __repr__(self) -> str:
        return f"<Presence of {self._hub!r}>"

    async def came(self, connection: Connection, identity: Identity) -> None:
        """A device has connected: tell the others, and it of them."""
        connection.presence = ONLINE
        others = await self._others(identity)
        await self._note(identity, ONLINE)
        if others:
            await self._tell(identity, ONLINE)
        if protocol.PRESENCE in connection.interests:
            now = time.time()
            for device_id, (status, active_at) in others.items():
                faded = max(status, status_after(now - active_at), key=STATUSES.index)
                if faded != OFFLINE:
                    connection.send(_frame(identity.user_id, device_id, faded, active_at))

    async def went(self, identity: Identity) -> None:
        """A connection has gone, and its device with it, unless that is connected anew."""
        if self._hub.device(identity.user_id, identity.device_id) is not None:
            return
        if await self._relay.place_of(identity.user_id, identity.device_id) is not None:
            return
        try:
            await self._redis.hdel(_key(identity.user_id), identity.device_id)
        except _TROUBLE as error:
            log.warning("presence not noted: %s", error)
        if await self._others(identity):
            await self._tell(identity, OFFLINE)

    def said(self, connection: Connection, payload: Any) -> None:
        """A device has said how it is, which holds until it does something; its own frame tells the others."""
        status = payload.get("status") if isinstance(payload, Mapping) else None
        if status in STATUSES and connection.identity is not None:
            connection.presence, connection.said_at = status, connection.heard_at
            self._chores.start(self._note(connection.identity, status))

    def _idle(self, connection: Connection, idle_s: float) -> None:
        """Look at a connection from time to time."""
        identity, before = connection.identity, connection.presence
        if identity is None or not before or connection.said_at >= connection.active_at:
            return
        connection.presence = status = status_after(idle_s)
        if status != before:
            self._chores.start(self._changed(identity, status))
        elif connection.active_at - connection.noted_at >= _NOTE_S:
            self._chores.start(self._note(identity, status))
        else:
            return
        connection.noted_at = connection.active_at

    async def _changed(self, identity: Identity, status: str) -> None:
        await self._note(identity, status)
        await self._tell(identity, status)

    async def _note(self, identity: Identity, status: str) -> None:
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.hset(_key(identity.user_id), identity.device_id, json.dumps([status, time.time()]))
                pipeline.expire(_key(identity.user_id), int(OFFLINE_S))
                await pipeline.execute()
        except _TROUBLE as error:
            log.warning("presence not noted: %s", error)

    async def _others(self, identity: Identity) -> dict[str, tuple[str, float]]:
        """Return what is noted of the user's other devices; those here when Redis is away."""
        try:
            noted: Any = await self._redis.hgetall(_key(identity.user_id))
        except _TROUBLE as error:
            log.warning("presence not known: %s", error)
            here: Iterable[Identity] = self._hub.registered_of(identity.user_id)
            return {other.device_id: (ONLINE, time.time()) for other in here if other != identity}
        found = {device.decode(): json.loads(value) for device, value in noted.items()}
        return {device: (status, at) for device, (status, at) in found.items() if device != identity.device_id}

    async def _tell(self, identity: Identity, status: str) -> None:
        told = {"user": identity.user_id, "device": identity.device_id, "status": status, "at": time.time()}
        await self._relay.tell(None, _KIND, **told)

    def _heard(self, told: Mapping[str, Any]) -> None:
        data = _frame(told["user"], told["device"], told["status"], told["at"])
        self._hub.deliver(told["user"], data, to=None, sender=told["device"], about=protocol.PRESENCE)


def _frame(user_id: str, device_id: str, status: str, active_at: float) -> bytes:
    last = protocol.stamp(datetime.fromtimestamp(active_at, UTC))
    payload = f'{{"deviceId":"{device_id}","status":"{status}","lastSeen":"{last}"}}'
    return protocol.notice(protocol.PRESENCE, user_id, payload, protocol.stamp(datetime.now(UTC)))


def _key(user_id: str) -> str:
    return f"ccs:presence:{user_id}"
