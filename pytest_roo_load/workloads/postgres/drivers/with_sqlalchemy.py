"""PostgreSQL by an engine of SQLAlchemy, on asyncpg."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import greenlet  # noqa: F401 - without it an engine for asyncio is of no use, and SQLAlchemy says so only when it connects
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from pytest_roo_load.errors import ConnectionLost
from pytest_roo_load.workloads.postgres.connection import cannot_connect, refused

__all__ = ["SqlalchemyConnection", "connect"]


async def connect(dsn: str, search_path: str | None, within_s: float) -> SqlalchemyConnection:
    """See `connection.connect`. Statements are sent as they are; transactions are the caller's own."""
    settings = {} if search_path is None else {"search_path": search_path}
    try:
        engine = create_async_engine(
            make_url(dsn).set(drivername="postgresql+asyncpg"),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"timeout": within_s, "server_settings": settings},
        )
        return SqlalchemyConnection(engine, await engine.connect())
    except (OSError, TimeoutError, ValueError, SQLAlchemyError) as error:
        raise cannot_connect(error) from error


class SqlalchemyConnection:
    """See `Connection`."""

    def __init__(self, engine: AsyncEngine, connection: AsyncConnection) -> None:
        self._engine = engine
        self._connection = connection

    def __repr__(self) -> str:
        return f"<SqlalchemyConnection {'closed' if self._connection.closed else 'open'}>"

    async def fetch(self, sql: str, arguments: Sequence[Any]) -> tuple[Sequence[Any], int]:
        """See `Connection`."""
        try:
            result = await self._connection.exec_driver_sql(sql, tuple(arguments))
            rows: Sequence[Any] = result.fetchall() if result.returns_rows else ()
        except DBAPIError as error:
            sqlstate = getattr(error.orig, "sqlstate", None)
            if error.connection_invalidated or sqlstate is None:
                raise ConnectionLost(str(error.orig)) from error
            raise refused(str(error.orig), sqlstate) from error
        except (OSError, SQLAlchemyError) as error:
            raise ConnectionLost(str(error) or type(error).__name__) from error
        return rows, max(result.rowcount, 0)

    async def close(self) -> None:
        """See `Connection`."""
        await self._connection.close()
        await self._engine.dispose()
