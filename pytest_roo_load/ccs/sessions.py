"""Which sessions are good. PostgreSQL knows; Redis remembers for a while.

A Redis key is ``ccs:session:<id>`` and its value ``<user>:<device>`` or ``revoked``. Reading adds a good session only
where there is no key, revoking overwrites it for longer than any access token lives; so a read that overlaps a
revocation cannot bring the session back. Redis away: every request asks PostgreSQL. A revocation that Redis could not
be told is repeated until it was; meanwhile this instance refuses the session by itself, and another instance that
reaches Redis all the same may still accept it for at most REMEMBER_S.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_roo_load.ccs.cache import Cache
from pytest_roo_load.ccs.data.sessions import good_session
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import ApiError, CacheError

REMEMBER_S = 60
_REPEAT_S = 0.2
_REVOKED = b"revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A user at a device in a session that was good a moment ago (UUIDs as text)."""

    user_id: str
    session_id: str
    device_id: str


class Sessions:
    """Answers whether a session is good, and makes revocations known."""

    def __init__(self, database: Database, cache: Cache, *, access_ttl_s: float) -> None:
        self._database = database
        self._cache = cache
        self._revoked_for_s = int(access_ttl_s) + 2 * REMEMBER_S
        self._untold: set[str] = set()
        self._teller: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Sessions {len(self._untold)} revocations that Redis does not know>"

    async def check(self, session_id: str, user_id: str) -> Identity:
        """Return whose session this is.

        Raises:
            ApiError: 401 ``TOKEN_REVOKED``, or 503 when nobody can tell.
        """
        if session_id in self._untold:
            raise _revoked()
        try:
            known = await self._cache.get(_key(session_id))
        except CacheError:
            return await self._ask(session_id, user_id)
        if known is None:
            identity = await self._ask(session_id, user_id)
            await self._cache.add(_key(session_id), f"{user_id}:{identity.device_id}", REMEMBER_S)
            return identity
        owner, _, device = known.partition(b":")
        if known == _REVOKED or owner.decode() != user_id:
            raise _revoked()
        return Identity(user_id=user_id, session_id=session_id, device_id=device.decode())

    async def revoked(self, session_ids: Sequence[str]) -> None:
        """Make known that PostgreSQL has these sessions as revoked; returns when this instance refuses them."""
        if not session_ids:
            return
        self._untold.update(session_ids)
        await self._tell()
        if self._untold and (self._teller is None or self._teller.done()):
            self._teller = asyncio.create_task(self._tell_until_known())

    async def close(self) -> None:
        """Stop repeating. May be called again."""
        if self._teller is not None:
            self._teller.cancel()

    async def _ask(self, session_id: str, user_id: str) -> Identity:
        device_id = await good_session(self._database, session_id, user_id)
        if device_id is None:
            raise _revoked()
        return Identity(user_id=user_id, session_id=session_id, device_id=device_id)

    async def _tell(self) -> None:
        telling = set(self._untold)
        try:
            await self._cache.replace(
                [_key(session_id) for session_id in telling], _REVOKED.decode(), self._revoked_for_s
            )
        except CacheError:
            return
        self._untold -= telling

    async def _tell_until_known(self) -> None:
        while self._untold:
            await asyncio.sleep(_REPEAT_S)
            await self._tell()


def _key(session_id: str) -> str:
    return f"ccs:session:{session_id}"


def _revoked() -> ApiError:
    return ApiError(401, "TOKEN_REVOKED", "The session has ended")
