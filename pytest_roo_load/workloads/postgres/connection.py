"""A connection to PostgreSQL, whichever driver carries it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_roo_load.core.passwords import without_password
from pytest_roo_load.errors import ConnectError, StatementFailed, UsageError

__all__ = ["DRIVERS", "Connection", "Place", "connect", "refused", "shown"]

# Driver → (module that adapts it, what has to be installed).
DRIVERS = {
    "asyncpg": ("with_asyncpg", "asyncpg"),
    "psycopg": ("with_psycopg", "psycopg[binary]"),
    "sqlalchemy": ("with_sqlalchemy", "sqlalchemy[asyncio]"),
}
_KINDS = {
    "40P01": "deadlock",
    "40001": "serialization failure",
    "23505": "unique violation",
    "42501": "missing right",
    "42P01": "no such table",
    "53100": "disk full",
    "53300": "too many connections",
    "57014": "cancelled by the server",
}
CONNECT_S = 10.0


class Connection(Protocol):
    """One session of the server, outside of any transaction until it is sent BEGIN.

    What goes wrong is a `StatementFailed` when the server says so, else a `ConnectionLost`.
    """

    async def fetch(self, sql: str, arguments: Sequence[Any]) -> tuple[Sequence[Any], int]:
        """Run a statement with `$1` for the first argument; its rows, and how many it gave or changed.

        A statement is prepared when it is first seen.
        """

    async def close(self) -> None:
        """Close it; idempotent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where connections lead, and by which driver; without a `search_path` it is the role's own."""

    dsn: str
    driver: str = "asyncpg"
    search_path: str | None = None


async def connect(place: Place) -> Connection:
    """Open a connection.

    Raises:
        ConnectError: Nobody answers in ten seconds, or the login is refused.
        UsageError: The driver is not installed.
    """
    module, package = DRIVERS[place.driver]
    try:
        adapter = importlib.import_module(f"pytest_roo_load.workloads.postgres.drivers.{module}")
    except ModuleNotFoundError as error:
        raise UsageError(
            "the driver is not installed", value=place.driver, allowed=f"pip install '{package}'", place="driver"
        ) from error
    connection: Connection = await adapter.connect(place.dsn, place.search_path, CONNECT_S)
    return connection


def shown(dsn: str) -> str:
    """The DSN without its password."""
    return without_password(dsn)


def refused(message: str, sqlstate: str | None) -> StatementFailed:
    """The error for what the server said."""
    state = sqlstate or "XX000"
    return StatementFailed(message, sqlstate=state, kind=_KINDS.get(state, f"SQLSTATE {state}"))


def cannot_connect(error: BaseException) -> ConnectError:
    """The error for a connection that was not made."""
    return ConnectError(str(error) or type(error).__name__)
