"""What one client of the database does."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from pytest_roo_load.engine.journeys import unpack
from pytest_roo_load.engine.user import VirtualUser
from pytest_roo_load.errors import OperationError, StatementFailed
from pytest_roo_load.workloads.lag import note_lag
from pytest_roo_load.workloads.postgres.connection import Connection, Place, connect
from pytest_roo_load.workloads.postgres.pool import POOLS, Pool, timed_connect
from pytest_roo_load.workloads.postgres.script import Script
from pytest_roo_load.workloads.postgres.session import Session
from pytest_roo_load.workloads.postgres.tally import ABORTS, UNSURE, Tally
from pytest_roo_load.workloads.postgres.transactions import WORKLOADS, Body, Size, Transaction

__all__ = ["TALLIES", "TRANSACTION", "Part", "client"]

TALLIES = "roo.postgres.tallies"
TRANSACTION = "transaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a client needs to know; travels to generators.

    Attributes:
        workload: The name of a ready-made one; empty when there is a script or a function.
        script: The statements of a file of the user's own.
        function: The user's own async function, pickled.
        place: The database.
        pool: See `settings.Choices`, as the next two.
        begin: Opens a transaction in place of what the workload has; None leaves it.
        open: Whether iterations may begin late.
    """

    place: Place
    pool: int | None
    tries: int
    scale: int
    begin: str | None
    open: bool
    workload: str = ""
    script: Script | None = None
    function: bytes | None = None

    def transactions(self) -> tuple[tuple[Transaction, int], ...]:
        """The transactions to choose from, with their shares."""
        if self.script is not None:
            return ((Transaction(name=self.script.name, body=self.script.perform, begin=self.begin), 1),)
        if self.function is not None:
            (function,) = unpack(self.function)
            name = getattr(function, "__name__", "function")
            return ((Transaction(name=name, body=_own(function), begin=self.begin or "BEGIN"), 1),)
        return WORKLOADS[self.workload]


def _own(function: Callable[..., Any]) -> Body:
    """A function of the user's own as a body: it takes the session and a seeded random generator."""

    async def body(session: Session, draw: Any, size: Size) -> int:
        del size
        effect = await function(session, draw)
        return effect if isinstance(effect, int) else 0

    return body


async def client(part: Part, user: VirtualUser) -> None:
    """Perform transactions until the load ends, retrying those that the server aborts."""
    performer = _Performer(part, user)
    async with performer.connections() as lend:
        try:
            async for _ in user.iterations():
                if part.open:
                    note_lag(user)
                async with lend() as connection:
                    await performer.perform(connection)
        finally:
            performer.report()


class _Performer:
    """One client's transactions and what it knows of them."""

    def __init__(self, part: Part, user: VirtualUser) -> None:
        self._part = part
        self._user = user
        self._size = Size.at(part.scale)
        self._tally = Tally()
        self._pending: tuple[str, int] | None = None
        pairs = part.transactions()
        self._choice = tuple(transaction for transaction, share in pairs for _ in range(share))

    def __repr__(self) -> str:
        return f"<_Performer of user {self._user.id}, {self._tally.commits} commits>"

    @asynccontextmanager
    async def connections(self) -> AsyncIterator[Callable[[], AbstractAsyncContextManager[Connection]]]:
        """What lends a connection for one transaction: the user's own, or one of the generator's pool."""
        opening = functools.partial(timed_connect, functools.partial(connect, self._part.place), self._user.recorder)
        if self._part.pool is None:
            own = _Own(await opening())
            try:
                yield lambda: own
            finally:
                await own.connection.close()
            return
        size = self._part.pool
        pool = POOLS.join(self._user.run, lambda: Pool(size, opening))
        try:
            yield lambda: pool.lend(self._user.recorder)
        finally:
            await POOLS.leave(self._user.run)

    async def perform(self, connection: Connection) -> None:
        """One transaction, tried until it is through or was tried often enough."""
        user = self._user
        choice = self._choice
        transaction = choice[0] if len(choice) == 1 else choice[int(user.random.random() * len(choice))]
        session = Session(connection, user.recorder, self._tally)
        slot = user.recorder.group_slot(TRANSACTION)
        slot.started += 1
        began = perf_counter()
        try:
            through = await self._until_through(session, transaction)
        except OperationError as error:
            slot.fail(perf_counter() - began, error.kind, str(error))
            raise
        if through:
            slot.ok.append(perf_counter() - began)
        else:
            slot.fail(perf_counter() - began, "given up", f"{transaction.name}: tried {self._part.tries} times")

    async def _until_through(self, session: Session, transaction: Transaction) -> bool:
        for attempt in range(self._part.tries):
            if attempt:
                self._tally.retries += 1
            try:
                await self._once(session, transaction)
            except StatementFailed as error:
                if transaction.begin is not None:
                    await session.fetch("ROLLBACK", name="ROLLBACK")
                if error.sqlstate not in ABORTS:
                    raise
                self._tally.abort(ABORTS[error.sqlstate])
            else:
                return True
        self._give_up(transaction)
        return False

    async def _once(self, session: Session, transaction: Transaction) -> None:
        begin = self._part.begin or transaction.begin
        if transaction.begin is None:
            effect = await transaction.body(session, self._user.random, self._size)
        else:
            await session.fetch(begin or "BEGIN", name="BEGIN")
            effect = await transaction.body(session, self._user.random, self._size)
            self._pending = transaction.name, effect
            try:
                await session.fetch("COMMIT", name="COMMIT")
            except StatementFailed as error:
                if not error.sqlstate.startswith(UNSURE):
                    self._pending = None
                raise
            self._pending = None
        self._tally.commit(transaction.name, effect)

    def _give_up(self, transaction: Transaction) -> None:
        """A transaction that is not tried any more is a failed operation."""
        self._tally.given_up += 1
        slot = self._user.recorder.slot(TRANSACTION)
        slot.started += 1
        slot.fail(0.0, "given up", f"{transaction.name}: aborted {self._part.tries} times")

    def report(self) -> None:
        """Send home what is known; a commit that was sent and got no clear answer is of unknown outcome."""
        if self._pending is not None:
            self._tally.doubt(*self._pending)
        self._user.record(TALLIES, self._tally)


class _Own:
    """Lends the user's own connection, again and again."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def __repr__(self) -> str:
        return f"<_Own {self.connection!r}>"

    async def __aenter__(self) -> Connection:
        return self.connection

    async def __aexit__(self, *exception: object) -> None:
        """The user closes it when its journey ends."""
