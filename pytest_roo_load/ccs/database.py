"""PostgreSQL: the pool and the queries' way through it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from pytest_roo_load.ccs.errors import ApiError, UnavailableError
from pytest_roo_load.ccs.schema import apply_migrations, migrations

_WAIT_S = 30.0
_IDLE_S = 30.0
_PROBE_S = 2.0
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
            await apply_migrations(connection, migrations())
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

    async def rows(self, query: str, *values: Any) -> list[Any]:
        """Return all rows of a query; raises as `row` does."""
        try:
            async with self._pool.acquire(timeout=_WAIT_S) as connection:
                return list(await connection.fetch(query, *values))
        except asyncpg.PostgresError as error:
            raise _translated(error) from error
        except _AWAY as error:
            raise _translated(error) from error

    async def execute(self, query: str, *values: Any) -> None:
        """Run a statement whose rows are of no interest; raises as `row` does."""
        await self.row(query, *values)

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

    async def probe(self, names: Sequence[str]) -> dict[str, bool]:
        """Find out whether the database answers soon; the same under each of ``names``, for a `Batch`."""
        try:
            async with asyncio.timeout(_PROBE_S):
                answers = await self.value("SELECT 1") == 1
        except (ApiError, TimeoutError):
            answers = False
        return dict.fromkeys(names, answers)

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


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, asyncpg.DataError):
        return ApiError(400, "VALIDATION_ERROR", "A value is outside of what can be stored")
    if isinstance(error, asyncpg.DiskFullError):
        return ApiError(507, "INSUFFICIENT_STORAGE", "The database has no space left")
    if isinstance(error, _AWAY):
        log.warning("database: %s: %s", type(error).__name__, error)
        return UnavailableError("database")
    return error
