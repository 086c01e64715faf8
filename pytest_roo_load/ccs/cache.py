"""Redis as a cache: what may be lost at any moment, read in batches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as StaleConnection
from redis.exceptions import RedisError

from pytest_roo_load.ccs.batch import Batch
from pytest_roo_load.ccs.errors import CacheError

# After a failure Redis is left alone for this long, so that an outage costs one timeout and not one per request.
PAUSE_S = 0.5
_TIMEOUT_S = 1.0
_CONNECTIONS = 64

log = logging.getLogger("ccs.cache")


def connect_redis(url: str) -> Redis:
    """Return a client for ``url`` (no connection yet): one immediate retry, for a connection that went stale.

    Who finds all of its connections taken waits for one.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=_TIMEOUT_S,
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        retry=Retry(NoBackoff(), 1, (StaleConnection,)),
    )
    return Redis.from_pool(pool)


class Cache:
    """Keys and short values; reads are asked together, as a single MGET."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._reads = Batch(self._read)
        self._retry_at = 0.0

    def __repr__(self) -> str:
        return f"<Cache with {self._reads!r}>"

    async def get(self, key: str) -> bytes | None:
        """Return the value of ``key``, None when there is none.

        Raises:
            CacheError: Redis cannot be asked now.
        """
        if asyncio.get_running_loop().time() < self._retry_at:
            raise CacheError("Redis was not reachable a moment ago")
        return await self._reads.get(key)

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

    async def _read(self, keys: Sequence[str]) -> dict[str, bytes]:
        try:
            values: Any = await self._redis.mget(keys)
        except (RedisError, OSError, TimeoutError) as error:
            raise self._failed(error) from error
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    def _failed(self, error: BaseException) -> CacheError:
        self._retry_at = asyncio.get_running_loop().time() + PAUSE_S
        log.warning("redis: %s: %s", type(error).__name__, error)
        return CacheError(f"Redis: {error}")
