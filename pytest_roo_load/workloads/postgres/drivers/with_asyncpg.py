"""PostgreSQL by asyncpg."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from pytest_roo_load.errors import ConnectionLost
from pytest_roo_load.workloads.postgres.connection import cannot_connect, refused

__all__ = ["AsyncpgConnection", "connect"]

# What asyncpg raises as if the server had said it when the connection ends; and what the server says as it ends it.
_ENDINGS = (
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.ConnectionFailureError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)


async def connect(dsn: str, search_path: str | None, within_s: float) -> AsyncpgConnection:
    """See `connection.connect`."""
    settings = {} if search_path is None else {"search_path": search_path}
    try:
        connection = await asyncpg.connect(
            dsn, timeout=within_s, server_settings=settings, max_cached_statement_lifetime=0
        )
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise cannot_connect(error) from error
    return AsyncpgConnection(connection)


class AsyncpgConnection:
    """See `Connection`."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._statements: dict[str, PreparedStatement] = {}

    def __repr__(self) -> str:
        return f"<AsyncpgConnection with {len(self._statements)} prepared statements>"

    async def fetch(self, sql: str, arguments: Sequence[Any]) -> tuple[Sequence[Any], int]:
        """See `Connection`."""
        try:
            statement = self._statements.get(sql)
            if statement is None:
                statement = self._statements[sql] = await self._connection.prepare(sql)
            rows = await statement.fetch(*arguments)
        except asyncpg.PostgresError as error:
            if self._connection.is_closed() or isinstance(error, _ENDINGS):
                raise ConnectionLost(str(error) or type(error).__name__) from error
            raise refused(str(error), error.sqlstate) from error
        except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise ConnectionLost(str(error) or type(error).__name__) from error
        return rows, len(rows) or _changed(statement.get_statusmsg() or "")

    async def close(self) -> None:
        """See `Connection`; does not wait for a server that does not answer."""
        self._connection.terminate()


def _changed(status: str) -> int:
    """How many rows "UPDATE 1" or "INSERT 0 1" speaks of."""
    number = status.rpartition(" ")[2]
    return int(number) if number.isdecimal() else 0
