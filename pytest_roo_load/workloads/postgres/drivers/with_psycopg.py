"""PostgreSQL by psycopg 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import psycopg
from psycopg.conninfo import make_conninfo

from pytest_roo_load.errors import ConnectionLost
from pytest_roo_load.workloads.postgres.connection import cannot_connect, refused

__all__ = ["PsycopgConnection", "connect"]


async def connect(dsn: str, search_path: str | None, within_s: float) -> PsycopgConnection:
    """See `connection.connect`."""
    options = {} if search_path is None else {"options": f"-c search_path={search_path}"}
    try:
        connection = await psycopg.AsyncConnection.connect(
            make_conninfo(dsn, connect_timeout=max(2, round(within_s)), **options),
            autocommit=True,
            prepare_threshold=0,
            cursor_factory=psycopg.AsyncRawCursor,
        )
    except psycopg.Error as error:
        raise cannot_connect(error) from error
    return PsycopgConnection(connection)


class PsycopgConnection:
    """See `Connection`."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self._connection = connection

    def __repr__(self) -> str:
        return f"<PsycopgConnection {'closed' if self._connection.closed else 'open'}>"

    async def fetch(self, sql: str, arguments: Sequence[Any]) -> tuple[Sequence[Any], int]:
        """See `Connection`."""
        try:
            cursor = await self._connection.execute(cast("Any", sql), arguments or None)
            rows = await cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            if self._connection.closed or error.sqlstate is None:
                raise ConnectionLost(str(error) or type(error).__name__) from error
            raise refused(str(error), error.sqlstate) from error
        return rows, max(cursor.rowcount, 0)

    async def close(self) -> None:
        """See `Connection`."""
        await self._connection.close()
