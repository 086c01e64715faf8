"""Rate limits per address and per user, counted in Redis for all instances.

Far from a limit an instance counts by itself and tells Redis when it has gathered a thousandth of the limit; near it,
or where the limit is small, every request asks. So a limit is exceeded by a thousandth per instance at most, and
requests that are nowhere near it cost no call. Without Redis everything is let through.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.protection.window import Count, Rate

_LUA = """
    local time = redis.call('TIME')
    local now, window = time[1] + time[2] / 1000000, tonumber(ARGV[1])
    local index = math.floor(now / window)
    local elapsed = now - index * window
    local key, wanted, limit = KEYS[1] .. ':' .. index, tonumber(ARGV[2]), tonumber(ARGV[3])
    local current = tonumber(redis.call('GET', key) or '0')
    local before = tonumber(redis.call('GET', KEYS[1] .. ':' .. (index - 1)) or '0')
    local admitted = 0
    if ARGV[4] == 'always' or current + before * (1 - elapsed / window) + wanted <= limit then
        current = redis.call('INCRBY', key, wanted)
        redis.call('PEXPIRE', key, math.ceil(window * 2000))
        admitted = 1
    end
    return {admitted, current, before, tostring(elapsed)}
"""
_SHARE = 1000
_NEAR = 0.8
_REMEMBERED = 50_000
_PAUSE_S = 0.5
_TROUBLE = (RedisError, OSError, TimeoutError)

log = logging.getLogger("ccs.rates")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one who asks stands against a limit, at the moment of the request."""

    limit: int
    remaining: int
    reset_s: int

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }


@dataclass(slots=True, kw_only=True)
class _Bucket:
    """What this instance knows of one who asks: the last count of all, and what it has not told yet."""

    window: int
    known: Count
    untold: int = 0


class RateLimits:
    """Counts requests of each class of ``rates`` and refuses those beyond."""

    def __init__(self, redis: Redis, rates: Mapping[str, Rate]) -> None:
        self._redis = redis
        self._rates = {name: rate for name, rate in rates.items() if rate.limit}
        self._buckets: dict[str, _Bucket] = {}
        self._script = redis.register_script(_LUA)
        self._telling: set[asyncio.Task[None]] = set()
        self._retry_at = 0.0
        self.refused = 0

    def __repr__(self) -> str:
        return f"<RateLimits {', '.join(self._rates) or 'none'}; {self.refused} refused>"

    def limits(self, name: str) -> bool:
        """Tell whether a class has a limit."""
        return name in self._rates

    async def take(self, name: str, subject: str) -> Standing:
        """Count a request of class ``name`` by ``subject``, an address or a user.

        Raises:
            ApiError: 429 ``RATE_LIMIT_EXCEEDED``, and the request does not count.
        """
        rate = self._rates[name]
        key = f"ccs:rate:{name}:{subject}"
        bucket = self._bucket(key, rate)
        if rate.limit >= _SHARE and bucket.known.used(rate) + bucket.untold < rate.limit * _NEAR:
            bucket.untold += 1
            if bucket.untold * _SHARE >= rate.limit:
                self._tell_soon(key, rate, bucket)
            return _standing(rate, bucket.known, bucket.untold)
        untold, bucket.untold = bucket.untold, 0
        admitted, count = await self._ask(key, rate, untold)
        bucket.known = count
        if admitted:
            return _standing(rate, count, 0)
        self.refused += 1
        wait = str(max(1, math.ceil(count.wait_s(rate))))
        headers = _standing(rate, count, 0).headers | {"Retry-After": wait}
        raise ApiError(429, "RATE_LIMIT_EXCEEDED", f"Too many requests, try again in {wait} s", headers=headers)

    def _bucket(self, key: str, rate: Rate) -> _Bucket:
        now = time.time()
        window = int(now / rate.window_s)
        bucket = self._buckets.get(key)
        if bucket is None or bucket.window != window:
            before = bucket.known.current + bucket.untold if bucket and bucket.window == window - 1 else 0
            if len(self._buckets) >= _REMEMBERED:
                self._buckets.clear()
            known = Count(current=0, before=before, elapsed_s=now - window * rate.window_s)
            bucket = self._buckets[key] = _Bucket(window=window, known=known)
        return bucket

    async def _ask(self, key: str, rate: Rate, untold: int) -> tuple[bool, Count]:
        loop = asyncio.get_running_loop()
        nothing = Count(current=0, before=0, elapsed_s=0)
        if loop.time() < self._retry_at:
            return True, nothing
        try:
            if untold:
                await self._run(key, rate, untold, "always")
            return await self._run(key, rate, 1, "if there is room")
        except _TROUBLE as error:
            self._retry_at = loop.time() + _PAUSE_S
            log.warning("limits are not kept: %s: %s", type(error).__name__, error)
            return True, nothing

    def _tell_soon(self, key: str, rate: Rate, bucket: _Bucket) -> None:
        untold, bucket.untold = bucket.untold, 0
        known = bucket.known
        bucket.known = Count(current=known.current + untold, before=known.before, elapsed_s=known.elapsed_s)
        task = asyncio.create_task(self._tell(key, rate, bucket, untold))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, key: str, rate: Rate, bucket: _Bucket, untold: int) -> None:
        try:
            _, bucket.known = await self._run(key, rate, untold, "always")
        except _TROUBLE as error:
            log.warning("requests not counted: %s: %s", type(error).__name__, error)

    async def _run(self, key: str, rate: Rate, wanted: int, when: str) -> tuple[bool, Count]:
        answer: Any = await self._script(keys=[key], args=[rate.window_s, wanted, rate.limit, when])
        admitted, current, before, elapsed = answer
        return bool(admitted), Count(current=current, before=before, elapsed_s=float(elapsed))


def _standing(rate: Rate, count: Count, untold: int) -> Standing:
    return Standing(
        limit=rate.limit,
        remaining=max(0, count.remaining(rate) - untold),
        reset_s=math.ceil(rate.window_s - time.time() % rate.window_s),
    )
