"""The rows of a run's users in the database of the server, where that is known."""

from __future__ import annotations

from pytest_roo_load.errors import ConnectError, StatementFailed, UsageError
from pytest_roo_load.workloads.postgres.connection import Place, connect, shown

__all__ = ["Rows"]

_COUNT = "SELECT count(*) FROM users WHERE email LIKE $1"
_DELETE = "DELETE FROM users WHERE email LIKE $1"


class Rows:
    """Users whose address begins with a prefix.

    Args:
        dsn: Of the database.
        prefix: No pattern: it has neither `%` nor `_`.
    """

    def __init__(self, dsn: str, prefix: str) -> None:
        self._dsn = dsn
        self._prefix = prefix

    def __repr__(self) -> str:
        return f"<Rows of users {self._prefix}*>"

    async def check(self) -> None:
        """See whether they can be counted.

        Raises:
            UsageError: They cannot; says what is needed.
        """
        try:
            await self.count()
        except (ConnectError, StatementFailed) as error:
            raise UsageError(
                f"users cannot be counted in the server's database: {error}",
                value=shown(self._dsn),
                allowed="the DSN of the database in which the target has its table users, and a role that may read it",
                remedy="correct --roo-postgres, or leave it out and do without",
            ) from error

    async def count(self) -> int:
        """How many there are."""
        return int((await self._fetch(_COUNT))[0][0])

    async def delete(self) -> None:
        """Delete those that there are."""
        if await self.count():
            await self._fetch(_DELETE)

    async def _fetch(self, sql: str) -> list[tuple[int]]:
        connection = await connect(Place(dsn=self._dsn))
        try:
            rows, _ = await connection.fetch(sql, (f"{self._prefix}%",))
            return list(rows)
        finally:
            await connection.close()
