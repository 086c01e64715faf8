"""Redis as a cache: what may be lost at any moment, read in batches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as StaleConnection
from redis.exceptions import RedisError

from pytest_roo_load.ccs.errors import CacheError

# After a failure Redis is left alone for this long, so that an outage costs one timeout and not one per request.
PAUSE_S = 0.5
_TIMEOUT_S = 1.0

log = logging.getLogger("ccs.cache")


def connect_redis(url: str) -> Redis:
    """Return a client for ``url`` (no connection yet): one immediate retry, for a connection that went stale."""
    return Redis.from_url(
        url,
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        retry=Retry(NoBackoff(), 1, (StaleConnection,)),
    )


class Cache:
    """Keys and short values. Reads that arrive while one is on its way leave together as a single MGET."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._asked: list[tuple[str, asyncio.Future[bytes | None]]] = []
        self._reader: asyncio.Task[None] | None = None
        self._retry_at = 0.0

    def __repr__(self) -> str:
        return f"<Cache {len(self._asked)} reads waiting>"

    async def get(self, key: str) -> bytes | None:
        """Return the value of ``key``, None when there is none.

        Raises:
            CacheError: Redis cannot be asked now.
        """
        loop = asyncio.get_running_loop()
        if loop.time() < self._retry_at:
            raise CacheError("Redis was not reachable a moment ago")
        answer: asyncio.Future[bytes | None] = loop.create_future()
        self._asked.append((key, answer))
        if self._reader is None or self._reader.done():
            self._reader = loop.create_task(self._read())
        return await answer

    async def add(self, key: str, value: str, lifetime_s: int) -> None:
        """Set ``key`` unless it is there already. A failure is of no consequence and only logged."""
        try:
            await self._redis.set(key, value, ex=lifetime_s, nx=True)
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)

    async def replace(self, keys: Sequence[str], value: str, lifetime_s: int) -> None:
        """Set every key of ``keys``, whatever it was.

        Raises:
            CacheError: Redis cannot be asked now; nothing or all may have been set.
        """
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                for key in keys:
                    pipeline.set(key, value, ex=lifetime_s)
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            raise self._failed(error) from error

    async def ping(self) -> None:
        """Ask Redis whether it is there.

        Raises:
            CacheError: it is not.
        """
        try:
            await self._redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            raise self._failed(error) from error

    async def _read(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                values: Any = await self._redis.mget([key for key, _ in asked])
            except (RedisError, OSError, TimeoutError) as error:
                failure = self._failed(error)
                _settle(asked, [failure] * len(asked))
            else:
                _settle(asked, values)

    def _failed(self, error: BaseException) -> CacheError:
        self._retry_at = asyncio.get_running_loop().time() + PAUSE_S
        log.warning("redis: %s: %s", type(error).__name__, error)
        return CacheError(f"Redis: {error}")


def _settle(
    asked: Sequence[tuple[str, asyncio.Future[bytes | None]]], outcomes: Sequence[bytes | CacheError | None]
) -> None:
    for (_, answer), outcome in zip(asked, outcomes, strict=True):
        if answer.done():
            continue
        if isinstance(outcome, CacheError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)
