"""What can be done to a PostgreSQL by those who may connect to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from pytest_roo_load.core.faults.breakage import MakeBreakage, Patient
from pytest_roo_load.core.faults.fault import Setting
from pytest_roo_load.errors import FaultError

if TYPE_CHECKING:
    import asyncpg

__all__ = ["POSTGRES_FAULTS", "FillConnections", "LockTables", "TerminateBackends", "session"]

CONNECT_S, LOCK_S = 5.0, 10.0
AT_ONCE = 20
# Materialized, so that nobody is ended before it is known who we are ourselves.
_TERMINATE = """
    WITH others AS MATERIALIZED (
        SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    )
    SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 2000)) FROM others
"""
_TABLES = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'"


async def _connect(url: str) -> asyncpg.Connection:
    import asyncpg  # noqa: PLC0415 - the keeper starts light

    try:
        return await asyncpg.connect(url, timeout=CONNECT_S)
    except (asyncpg.PostgresError, OSError, TimeoutError) as error:
        raise FaultError(f"PostgreSQL could not be asked: {type(error).__name__}: {error}") from error


@contextlib.asynccontextmanager
async def session(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A session for the block.

    Raises:
        FaultError: PostgreSQL does not give one, or what is done in it fails.
    """
    import asyncpg  # noqa: PLC0415 - the keeper starts light

    connection = await _connect(url)
    try:
        yield connection
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise FaultError(f"PostgreSQL has refused: {type(error).__name__}: {error}") from error
    finally:
        connection.terminate()


async def _close(connections: list[asyncpg.Connection]) -> None:
    while connections:
        connections.pop().terminate()


class TerminateBackends:
    """Ends the session of every client."""

    ends_processes = False
    momentary = True

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:  # noqa: ARG002 - as all are made
        self._url = patient.url

    def __repr__(self) -> str:
        return "<TerminateBackends>"

    async def apply(self) -> str:
        """End the sessions and wait until their processes are gone."""
        async with session(self._url) as connection:
            ended = await connection.fetchval(_TERMINATE)
        if not ended:
            raise FaultError("no client had a session")
        return f"{ended} sessions were ended"

    async def undo(self) -> None:
        """Clients connect again by themselves."""


class LockTables:
    """Holds an exclusive lock on every table, in a transaction of its own."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:  # noqa: ARG002 - as all are made
        self._url = patient.url
        self._held: list[asyncpg.Connection] = []

    def __repr__(self) -> str:
        return f"<LockTables, {'held' if self._held else 'not held'}>"

    async def apply(self) -> str:
        """Get the locks, after those who have them now."""
        import asyncpg  # noqa: PLC0415 - the keeper starts light

        connection = await _connect(self._url)
        self._held.append(connection)
        try:
            tables = [row[0] for row in await connection.fetch(_TABLES)]
            if not tables:
                raise FaultError("there are no tables")
            await connection.execute(f"BEGIN; SET LOCAL lock_timeout = '{LOCK_S:.0f}s'")
            await connection.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        except asyncpg.PostgresError as error:
            raise FaultError(f"the locks were not to be had: {error}") from error
        return f"exclusive locks on {len(tables)} tables are held"

    async def undo(self) -> None:
        """End the session, and the locks with it."""
        await _close(self._held)


class FillConnections:
    """Opens connections until PostgreSQL takes no more, those reserved for superusers included."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:  # noqa: ARG002 - as all are made
        self._url = patient.url
        self._held: list[asyncpg.Connection] = []

    def __repr__(self) -> str:
        return f"<FillConnections, {len(self._held)} held>"

    async def apply(self) -> str:
        """Open them; the last one is refused."""
        full = False
        while not full:
            full = await self._fill()
        return f"{len(self._held)} connections are held, the next one was refused"

    async def _fill(self) -> bool:
        """Open some more; whether one of them was refused."""
        import asyncpg  # noqa: PLC0415 - the keeper starts light

        opened = await asyncio.gather(
            *(asyncpg.connect(self._url, timeout=CONNECT_S) for _ in range(AT_ONCE)), return_exceptions=True
        )
        self._held += [one for one in opened if isinstance(one, asyncpg.Connection)]
        failures = [one for one in opened if isinstance(one, BaseException)]
        for failure in failures:
            if not isinstance(failure, asyncpg.TooManyConnectionsError):
                raise FaultError(f"a connection failed otherwise: {failure}") from failure
        return bool(failures)

    async def undo(self) -> None:
        """Close them."""
        await _close(self._held)
        with contextlib.suppress(FaultError):
            (await _connect(self._url)).terminate()  # waits until one is free again


POSTGRES_FAULTS: Mapping[str, MakeBreakage] = {
    "terminate_backends": TerminateBackends,
    "lock_tables": LockTables,
    "fill_connections": FillConnections,
}
