"""PostgreSQL: the pool, the queries' way through it, and the schema."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from pytest_roo_load.ccs.errors import ApiError, UnavailableError

SCHEMA_VERSION = 1
SCHEMA_FILE = Path(__file__).with_name("schema.sql")
# Any number, the same in every instance: the advisory lock under which the schema is applied.
_SCHEMA_LOCK = 0x63637301
_WAIT_S = 30.0
_IDLE_S = 30.0
# Every query has its index, and connections keep the plans they made; one made while a table was small must not be a
# scan of the whole table when it has grown.
_SESSION = {"timezone": "UTC", "application_name": "ccs", "jit": "off", "enable_seqscan": "off"}
# The server is away, is going away, is full, or lost the connection in the middle.
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.DeadlockDetectedError,
)

log = logging.getLogger("ccs.database")


class _PlainConnection(asyncpg.Connection):
    """A connection without state to reset: asyncpg would send four statements after every query."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        """Return nothing: no query of this server sets a variable, listens, or takes a session lock."""
        return ""


class Database:
    """The pool of connections. Opened lazily up to ``size``, it reconnects by itself after an outage."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    def __repr__(self) -> str:
        return f"<Database {self._pool.get_size() - self._pool.get_idle_size()} of {self._pool.get_max_size()} in use>"

    @classmethod
    async def connect(cls, dsn: str, size: int) -> Database:
        """Apply the schema and open the pool.

        Raises:
            OSError, asyncpg.PostgresError: when the server cannot be used (yet).
        """
        connection = await asyncpg.connect(dsn, timeout=5, server_settings=_SESSION)
        try:
            await apply_schema(connection)
        finally:
            await connection.close(timeout=5)
        pool = await asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=size,
            max_inactive_connection_lifetime=_IDLE_S,
            command_timeout=_WAIT_S,
            timeout=5,
            connection_class=_PlainConnection,
            server_settings=_SESSION,
        )
        return cls(pool)

    async def row(self, query: str, *values: Any) -> Any:
        """Return the first row of a query (indexable by name and position), or None.

        Raises:
            UnavailableError: the database cannot be asked now.
            ApiError: 400, a value that the database does not take.
        """
        try:
            async with self._pool.acquire(timeout=_WAIT_S) as connection:
                return await connection.fetchrow(query, *values)
        except asyncpg.PostgresError as error:
            raise _translated(error) from error
        except _AWAY as error:
            raise _translated(error) from error

    async def value(self, query: str, *values: Any) -> Any:
        """Return the first column of the first row, or None; raises as `row` does."""
        found = await self.row(query, *values)
        return None if found is None else found[0]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Hold one connection inside a transaction; errors are translated as in `row`."""
        try:
            async with self._pool.acquire(timeout=_WAIT_S) as connection, connection.transaction():
                yield connection
        except asyncpg.PostgresError as error:
            raise _translated(error) from error
        except _AWAY as error:
            raise _translated(error) from error

    def in_use(self) -> int:
        """Return how many connections are busy."""
        return int(self._pool.get_size() - self._pool.get_idle_size())

    async def close(self) -> None:
        """Close the pool; connections that do not end within 5 s are cut. May be called again."""
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


async def apply_schema(connection: Any) -> None:
    """Bring the schema to SCHEMA_VERSION. Several instances may do so together: one works, the others wait."""
    if await _version(connection) >= SCHEMA_VERSION:
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _SCHEMA_LOCK)
        if await _version(connection) < SCHEMA_VERSION:
            await connection.execute(SCHEMA_FILE.read_text(encoding="utf-8"))
            await connection.execute("INSERT INTO schema_version (version) VALUES ($1)", SCHEMA_VERSION)


async def _version(connection: Any) -> int:
    if await connection.fetchval("SELECT to_regclass('schema_version')") is None:
        return 0
    return int(await connection.fetchval("SELECT coalesce(max(version), 0) FROM schema_version"))


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, asyncpg.DataError):
        return ApiError(400, "VALIDATION_ERROR", "A value is outside of what can be stored")
    if isinstance(error, _AWAY):
        log.warning("database: %s: %s", type(error).__name__, error)
        return UnavailableError("database")
    return error
