"""The tables of a run, in a schema of its own that is gone afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from pytest_roo_load.errors import StatementFailed
from pytest_roo_load.workloads.postgres.connection import Connection
from pytest_roo_load.workloads.postgres.script import BEGINS
from pytest_roo_load.workloads.postgres.transactions import DEPOSIT, PAIRS, Size

__all__ = ["PREFIX", "Tables"]

PREFIX = "roo_load_"
_LOCKS = 1919905132  # the first number of our advisory locks: "roo" and "l" in ASCII
_BYTES_PER_ACCOUNT = 160

_DEFINITIONS = (
    "CREATE TABLE branches (bid int NOT NULL, bbalance int NOT NULL, filler char(88)) WITH (fillfactor = 100)",
    "CREATE TABLE tellers (tid int NOT NULL, bid int, tbalance int NOT NULL, filler char(84)) WITH (fillfactor = 100)",
    "CREATE TABLE accounts (aid int NOT NULL, bid int, abalance int NOT NULL, filler char(84)) WITH (fillfactor = 100)",
    "CREATE TABLE history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))",
    "CREATE TABLE hot (id int PRIMARY KEY, value bigint NOT NULL)",
    "CREATE TABLE pairs (id int PRIMARY KEY, pair int NOT NULL, balance bigint NOT NULL) WITH (fillfactor = 10)",
)
_INDEXES = (
    "ALTER TABLE branches ADD PRIMARY KEY (bid)",
    "ALTER TABLE tellers ADD PRIMARY KEY (tid)",
    "ALTER TABLE accounts ADD PRIMARY KEY (aid)",
    "CREATE INDEX ON pairs (pair)",
    *(f"VACUUM ANALYZE {name}" for name in ("branches", "tellers", "accounts", "history", "hot", "pairs")),
)


class Tables:
    """A schema and what is in it. As long as the connection lives, others know that the schema is in use.

    Args:
        connection: Held open until the schema is dropped: it holds an advisory lock by the schema's name.
    """

    def __init__(self, connection: Connection) -> None:
        self.schema = f"{PREFIX}{secrets.token_hex(5)}"
        self._connection = connection
        self._made = False

    def __repr__(self) -> str:
        return f"<Tables in {self.schema}{'' if self._made else ', not made'}>"

    async def value(self, sql: str, *arguments: Any) -> Any:
        """The first field of the first row."""
        rows, _ = await self._connection.fetch(sql, arguments)
        return rows[0][0]

    async def rows(self, sql: str, *arguments: Any) -> Sequence[Any]:
        """All rows."""
        rows, _ = await self._connection.fetch(sql, arguments)
        return rows

    async def make(self, size: Size) -> None:
        """Create and fill the tables; nothing stays behind of what cannot be finished.

        Raises:
            StatementFailed: A right is missing, or the disk is full.
        """
        await self.value("SELECT pg_advisory_lock($1, hashtext($2))", _LOCKS, self.schema)
        self._made = True  # before it is: whoever is interrupted meanwhile has something to drop
        await self.rows(f"CREATE SCHEMA {self.schema}")
        await self.rows(f"SET search_path = {self.schema}")
        for sql in (*_DEFINITIONS, *_filling(size), *_INDEXES):
            await self.rows(sql)

    async def drop(self) -> None:
        """Drop the schema with all that is in it; idempotent."""
        if self._made:
            await self.rows(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
            self._made = False

    async def sweep(self) -> list[str]:
        """Drop the schemas of runs that are dead, which nobody holds a lock for; their names.

        One that belongs to somebody else stays.
        """
        found = await self.rows(
            "SELECT nspname FROM pg_namespace "
            "WHERE nspname ~ $1 AND pg_has_role(current_user, nspowner, 'MEMBER') AND nspname <> $2",
            f"^{PREFIX}[0-9a-f]{{10}}$",
            self.schema,
        )
        return [row[0] for row in found if await self._drop_if_dead(row[0])]

    async def _drop_if_dead(self, schema: str) -> bool:
        if not await self.value("SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCKS, schema):
            return False
        try:
            await self.rows(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        finally:
            await self.value("SELECT pg_advisory_unlock($1, hashtext($2))", _LOCKS, schema)
        return True

    async def room(self) -> int:
        """How many sessions the server lets in besides those that there are, as far as this role is concerned."""
        return int(
            await self.value(
                "SELECT least(current_setting('max_connections')::int "
                "- current_setting('superuser_reserved_connections')::int "
                "- (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), "
                "nullif((SELECT datconnlimit FROM pg_database WHERE datname = current_database()), -1), "
                "nullif((SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user), -1))::int"
            )
        )

    async def plan_time_s(self, sql: str, arguments: Sequence[Any]) -> float | None:
        """How long the server takes to plan a statement; None for what has no plan.

        One that begins a transaction is tried, and the transaction rolled back.
        """
        if sql.lstrip().upper().startswith(BEGINS):
            await self.rows(sql)
            await self.rows("ROLLBACK")
            return None
        if not sql.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE")):
            return None
        found = await self.value(f"EXPLAIN (FORMAT JSON, SUMMARY ON) {sql}", *arguments)
        return _planning_s(found)

    async def counters(self) -> dict[str, int]:
        """What the server counts for this database."""
        rows = await self.rows(
            "SELECT xact_commit, xact_rollback, deadlocks, temp_bytes FROM pg_stat_database "
            "WHERE datname = current_database()"
        )
        return dict(zip(("commits", "rollbacks", "deadlocks", "temporary bytes"), map(int, rows[0]), strict=True))

    @staticmethod
    def bytes_needed(size: Size) -> int:
        """About how much room the tables take."""
        return size.accounts * _BYTES_PER_ACCOUNT

    async def close(self) -> None:
        """Close the connection, and with it give up the lock."""
        await self._connection.close()


def explain_refusal(error: StatementFailed, size: Size, role: str, database: str) -> tuple[str, str] | None:
    """What is needed where the tables cannot be made: (what is allowed, what to do); None when it is none of these."""
    if error.sqlstate == "42501":
        need = f"a role that may create a schema in {database}"
        return need, f"as its owner: GRANT CREATE ON DATABASE {database} TO {role}"
    # A file that may not grow (a limit of the process or the file system) has no SQLSTATE of its own.
    if error.sqlstate in {"53100", "53200"} or "could not extend file" in str(error):
        room = f"about {Tables.bytes_needed(size) / 1e6:,.0f} MB of room for the tables"
        return room, "free some, or choose a smaller scale"
    if error.sqlstate == "25006":
        return "a server that takes writes", "name the primary, not a replica"
    return None


def _planning_s(found: Any) -> float:
    import json  # noqa: PLC0415 - only where a driver leaves JSON as text

    plan = json.loads(found) if isinstance(found, str) else found
    return float(plan[0]["Planning Time"]) / 1000


def _filling(size: Size) -> tuple[str, ...]:
    return (
        f"INSERT INTO branches SELECT n, 0 FROM generate_series(1, {size.branches}) n",  # noqa: S608 - numbers of ours
        f"INSERT INTO tellers SELECT n, (n - 1) / 10 + 1, 0 FROM generate_series(1, {size.tellers}) n",  # noqa: S608 - numbers of ours
        f"INSERT INTO accounts SELECT n, (n - 1) / 100000 + 1, 0, '' FROM generate_series(1, {size.accounts}) n",  # noqa: S608 - numbers of ours
        "INSERT INTO hot VALUES (1, 0)",
        f"INSERT INTO pairs SELECT n, (n + 1) / 2, {DEPOSIT} FROM generate_series(1, {2 * PAIRS}) n",  # noqa: S608 - numbers of ours
    )
