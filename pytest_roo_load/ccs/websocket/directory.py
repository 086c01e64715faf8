"""Which instance a device is connected to: one Redis hash per user, ``ccs:devices:<user>``, device → instance.

An entry that names an instance which is gone is harmless: what is sent there reaches nobody, and the sender removes it.
What was read is remembered until somebody announces that the user's devices have moved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from redis.asyncio import Redis

from pytest_roo_load.ccs.sessions import Identity

_LIFETIME_S = 7 * 24 * 3600
_REMOVE_IF_MINE = """
    local place = redis.call('HGET', KEYS[1], ARGV[1])
    if place and place ~= ARGV[2] then return 0 end
    redis.call('HDEL', KEYS[1], ARGV[1]) return 1
"""


class Directory:
    """Reads and writes the places of devices for one instance. Errors are those of Redis."""

    def __init__(self, redis: Redis, instance_id: str) -> None:
        self._redis = redis
        self._instance_id = instance_id
        self._known: dict[str, dict[str, str]] = {}
        self._moves = 0
        self.remembers = False

    def __repr__(self) -> str:
        return f"<Directory of {self._instance_id}, {len(self._known)} users known>"

    async def elsewhere(self, user_id: str) -> dict[str, str]:
        """Return the user's devices at other instances, and at which."""
        known = self._known.get(user_id)
        if known is not None:
            return known
        moves = self._moves
        places: Any = await self._redis.hgetall(_key(user_id))
        found = {device.decode(): place.decode() for device, place in places.items()}
        found = {device: place for device, place in found.items() if place != self._instance_id}
        if self.remembers and moves == self._moves:  # nobody moved while Redis was asked
            self._known[user_id] = found
        return found

    def known(self, user_id: str) -> dict[str, str] | None:
        """Return what `elsewhere` would, None when it would have to ask."""
        return self._known.get(user_id)

    async def place(self, user_id: str, device_id: str) -> str | None:
        """Ask at which other instance a device is now."""
        place: Any = await self._redis.hget(_key(user_id), device_id)
        return None if place is None or place.decode() == self._instance_id else place.decode()

    async def put(self, identity: Identity) -> str | None:
        """Note that a device is here now; return the other instance where it was, if any."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hget(_key(identity.user_id), identity.device_id)
            pipeline.hset(_key(identity.user_id), identity.device_id, self._instance_id)
            pipeline.expire(_key(identity.user_id), _LIFETIME_S)
            before = (await pipeline.execute())[0]
        place = None if before is None else before.decode()
        return None if place == self._instance_id else place

    async def put_all(self, identities: Iterable[Identity]) -> None:
        """Note that these devices are here, after Redis has forgotten."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for identity in identities:
                pipeline.hset(_key(identity.user_id), identity.device_id, self._instance_id)
            await pipeline.execute()

    async def remove(self, user_id: str, device_id: str, place: str | None = None) -> bool:
        """Note that a device is no longer at ``place`` (here by default); False if it has moved on meanwhile."""
        place = place or self._instance_id
        removed: Any = await self._redis.eval(_REMOVE_IF_MINE, 1, _key(user_id), device_id, place)
        return bool(removed)

    def moved(self, user_id: str) -> None:
        """Forget what is remembered of a user."""
        self._moves += 1
        self._known.pop(user_id, None)

    def forget(self, *, remember: bool) -> None:
        """Forget everything; remember from now on only while moves are being announced to us."""
        self._moves += 1
        self._known.clear()
        self.remembers = remember


def _key(user_id: str) -> str:
    return f"ccs:devices:{user_id}"
