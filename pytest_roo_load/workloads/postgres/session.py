"""A user's way to the database: every statement is an operation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from time import perf_counter
from typing import Any

from pytest_roo_load.clients.counting import count_failure
from pytest_roo_load.core.ports import Recorder
from pytest_roo_load.errors import OperationError, StatementFailed
from pytest_roo_load.workloads.postgres.connection import Connection
from pytest_roo_load.workloads.postgres.tally import ABORTS, Tally

__all__ = ["Session"]

_LONGEST_NAME = 60


class Session:
    """What transactions speak through.

    A statement that the server answers with a deadlock or a serialization failure was answered in time: it counts as
    an operation, and its transaction is retried. Any other refusal is a failed operation.
    """

    __slots__ = ("_connection", "_recorder", "_tally")

    def __init__(self, connection: Connection, recorder: Recorder, tally: Tally) -> None:
        self._connection = connection
        self._recorder = recorder
        self._tally = tally

    def __repr__(self) -> str:
        return f"<Session over {self._connection!r}>"

    async def fetch(self, sql: str, *arguments: Any, name: str | None = None) -> Sequence[Any]:
        """Run a statement and give its rows.

        Args:
            sql: With `$1` for the first argument; prepared when it is first seen.
            arguments: Its arguments.
            name: Of the operation; default: the statement's beginning.

        Raises:
            StatementFailed: The server refused it.
            ConnectionLost: The connection ended before the answer was complete.
        """
        slot = self._recorder.slot(name or _beginning(sql))
        slot.started += 1
        began = perf_counter()
        try:
            rows, number = await self._connection.fetch(sql, arguments)
        except StatementFailed as error:
            if error.sqlstate in ABORTS:
                slot.ok.append(perf_counter() - began)
            else:
                count_failure(slot, perf_counter() - began, error, sql)
            raise
        except OperationError as error:
            count_failure(slot, perf_counter() - began, error, sql)
            raise
        slot.ok.append(perf_counter() - began)
        self._tally.rows += number
        return rows


@lru_cache(maxsize=1000)
def _beginning(sql: str) -> str:
    """The statement on one line, cut where it becomes too long for a name."""
    line = " ".join(sql.split())
    return line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}…"
