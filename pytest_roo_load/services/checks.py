"""Whether services that the user named can be used, found out before any load is sent."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from pytest_roo_load.errors import ServiceError

__all__ = ["CHECKS"]

_LIMIT_S = 5.0


def check_http(url: str) -> None:
    """Connect once.

    Raises:
        ServiceError: Nobody listens there.
    """
    parts = urlsplit(url)
    try:
        socket.create_connection(
            (parts.hostname or "", parts.port or (443 if parts.scheme in {"https", "wss"} else 80)), timeout=_LIMIT_S
        ).close()
    except OSError as error:
        raise ServiceError(f"cannot be reached: {error}") from error


def check_postgres(dsn: str) -> None:
    """Log in once.

    Raises:
        ServiceError: Nobody listens there, or the login is refused.
    """
    import asyncpg  # noqa: PLC0415 - loaded when used

    async def log_in() -> None:
        connection = await asyncpg.connect(dsn, timeout=_LIMIT_S)
        await connection.close()

    try:
        asyncio.run(log_in())
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ServiceError(f"cannot be used: {str(error) or type(error).__name__}") from error


def check_redis(url: str) -> None:
    """Ask for a PONG once.

    Raises:
        ServiceError: Nobody listens there, or the login is refused.
    """
    import redis  # noqa: PLC0415 - loaded when used

    try:
        with redis.Redis.from_url(url, socket_timeout=_LIMIT_S, socket_connect_timeout=_LIMIT_S) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        raise ServiceError(f"cannot be used: {error}") from error


CHECKS: dict[str, Callable[[str], None]] = {
    "target": check_http,
    "target_ws": check_http,
    "postgres": check_postgres,
    "redis": check_redis,
}
