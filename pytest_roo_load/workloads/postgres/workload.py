"""The load on PostgreSQL as the session performs it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_roo_load.core.fact import Fact
from pytest_roo_load.core.profiles import Profile
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.engine.journeys import pack
from pytest_roo_load.errors import ConnectError, OperationError, StatementFailed, UsageError
from pytest_roo_load.workloads.choices import Pace, one_of
from pytest_roo_load.workloads.lag import lag_facts
from pytest_roo_load.workloads.postgres.checks import findings
from pytest_roo_load.workloads.postgres.connection import Place, connect, shown
from pytest_roo_load.workloads.postgres.journey import TALLIES, TRANSACTION, Part, client
from pytest_roo_load.workloads.postgres.pool import WAIT
from pytest_roo_load.workloads.postgres.script import Script, parse_script
from pytest_roo_load.workloads.postgres.settings import Choices
from pytest_roo_load.workloads.postgres.tables import Tables, explain_refusal
from pytest_roo_load.workloads.postgres.tally import Tally, together
from pytest_roo_load.workloads.postgres.transactions import WORKLOADS, Size
from pytest_roo_load.workloads.workload import Examined, Measured, journey_of, recorded

__all__ = ["PostgresWorkload"]

Asked = str | Path | Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """A script or a function of the user's own; it works on the user's own tables."""

    script: Script | None = None
    function: bytes | None = None


class PostgresWorkload:
    """See `Workload`.

    Args:
        asked: The name of a ready-made workload, a file of SQL, or an async function of (session, random).
        dsn: Of the database.
        choices: How it is used.
        pace: How hard.

    Raises:
        UsageError: The workload is not known, its file cannot be used, or asks for another isolation than `choices`.
    """

    def __init__(self, asked: Asked, dsn: str, choices: Choices, pace: Pace) -> None:
        self.profile: Profile = pace.profile()
        self._own = _own(asked)
        if self._own is not None and self._own.script is not None and choices.isolation is not None:
            _agree(self._own.script, choices.isolation)
        self._name = "" if self._own else str(asked)
        self._dsn = dsn
        self._choices = choices
        self._pace = pace
        self._size = Size.at(choices.scale)
        self._tables: Tables | None = None
        self._facts: list[Fact] = []
        self._before: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<PostgresWorkload {self._name or 'of the user'} on {self._tables!r}>"

    def journeys(self) -> Mapping[Any, float]:
        """See `Workload`."""
        return journey_of(client, self._part(), self._name or self._part().transactions()[0][0].name)

    def _part(self) -> Part:
        choices, own = self._choices, self._own
        begin = None if choices.isolation is None else f"BEGIN {_level(choices.isolation)}"
        if begin is None and own is not None and own.script is not None and own.script.begin is not None:
            begin = own.script.begin.sql
        return Part(
            place=Place(dsn=self._dsn, driver=choices.driver, search_path=self._search_path()),
            pool=choices.pool,
            tries=choices.tries,
            scale=choices.scale,
            begin=begin,
            open=self._pace.rate is not None,
            workload=self._name,
            script=None if own is None else own.script,
            function=None if own is None else own.function,
        )

    def _search_path(self) -> str | None:
        return None if self._own or self._tables is None else self._tables.schema

    async def prepare(self) -> None:
        """See `Workload`."""
        self._tables = await self._connected()
        try:
            await self._make(self._tables)
        except StatementFailed as error:
            raise await self._refused(self._tables, error) from error
        self._before = await self._tables.counters()

    async def _connected(self) -> Tables:
        driver = self._choices.driver
        try:
            await (await connect(Place(dsn=self._dsn, driver=driver))).close()
            return Tables(await connect(Place(dsn=self._dsn)))
        except ConnectError as error:
            raise UsageError(
                f"PostgreSQL cannot be used: {error}",
                value=shown(self._dsn),
                allowed="the DSN of a running server that lets us in",
                remedy="start it, correct the DSN, or leave it out for an embedded one",
            ) from error

    async def _make(self, tables: Tables) -> None:
        wanted = self._choices.pool or self._pace.clients
        room = await tables.room()
        if room < wanted:
            raise UsageError(
                "the server does not let in so many sessions",
                value=wanted,
                allowed=f"{room} more at this moment",
                remedy="use fewer clients, pool=, or raise max_connections",
            )
        swept = await tables.sweep()
        if swept:
            self._facts.append(Fact(name="schemas of dead runs dropped", value=len(swept)))
        if self._own is None:
            await tables.make(self._size)
        await self._plan(tables)

    async def _plan(self, tables: Tables) -> None:
        """Ask for the plan of each statement, so that one that the server does not take is known before any load."""
        for place, sql, arguments in self._statements():
            try:
                planned_s = await tables.plan_time_s(sql, arguments)
            except StatementFailed as error:
                raise UsageError(
                    f"the server does not take a statement: {error}",
                    value=sql,
                    allowed="SQL for this database",
                    place=place,
                ) from error
            if planned_s is not None:
                self._facts.append(Fact(name=f"plan time of {place}", value=planned_s, dimension=Dimension.TIME))

    def _statements(self) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
        if self._own is None:
            seen = {one.sql: one for transaction, _ in WORKLOADS[self._name] for one in transaction.statements}
            yield from ((one.name, one.sql, one.example) for one in seen.values())
        elif self._own.script is not None:
            script = self._own.script
            if script.begin is not None:
                yield f"{script.name}:{script.begin.line}", script.begin.sql, ()
            for line in script.lines:
                yield f"{script.name}:{line.line}", line.sql, script.example(line, self._choices.scale)

    async def _refused(self, tables: Tables, error: StatementFailed) -> UsageError:
        rows = await tables.rows("SELECT current_user::text, current_database()::text")
        told = explain_refusal(error, self._size, rows[0][0], rows[0][1])
        allowed, remedy = told or ("a database in which tables can be made", None)
        return UsageError(f"the tables cannot be made: {error}", value=shown(self._dsn), allowed=allowed, remedy=remedy)

    async def watch(self) -> None:
        """See `Workload`: clients look for themselves."""

    async def examine(self, measured: Measured) -> Examined:
        """See `Workload`."""
        assert self._tables is not None
        tally = together(recorded(measured.result, TALLIES))
        after = await self._tables.counters()
        server = {name: after[name] - self._before[name] for name in after}
        kinds = frozenset(transaction.name for transaction, _ in self._part().transactions())
        found = () if self._own else await findings(kinds, self._tables, tally)
        return Examined(facts=(*_facts(measured.result, tally, server), *self._facts), findings=found)

    async def clean_up(self) -> None:
        """See `Workload`; a connection that is lost is made anew for it."""
        if self._tables is None:
            return
        try:
            await self._tables.drop()
        except OperationError:
            tables, self._tables = self._tables, None
            await tables.close()
            await _drop_anew(self._dsn)
        else:
            await self._tables.close()
            self._tables = None


async def _drop_anew(dsn: str) -> None:
    """By a new connection: the old one's lock is gone with it, so its schema is one of a dead run."""
    tables = Tables(await connect(Place(dsn=dsn)))
    try:
        await tables.sweep()
    finally:
        await tables.close()


def _own(asked: Asked) -> _Own | None:
    """What the user brings; None for a workload of ours."""
    if isinstance(asked, Path) or (isinstance(asked, str) and asked.endswith(".sql")):
        path = Path(asked)
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                "cannot be read", value=str(error), allowed="a UTF-8 file of SQL", place=str(path)
            ) from error
        return _Own(script=parse_script(text, path.name))
    if callable(asked):
        if not inspect.iscoroutinefunction(asked):
            allowed = "async def transfer(session, random): ..."
            raise UsageError("not a transaction", value=getattr(asked, "__name__", asked), allowed=allowed)
        return _Own(function=pack([asked]))
    one_of("workload", asked, WORKLOADS)
    return None


def _level(isolation: str) -> str:
    return f"ISOLATION LEVEL {isolation.upper()}"


def _agree(script: Script, isolation: str) -> None:
    """Refuse two isolations, and what `isolation` would take from the script, as READ ONLY."""
    if script.modes not in {"", _level(isolation)}:
        raise UsageError(
            f"the script begins its transaction with {script.begin.sql if script.begin else ''}",
            value=isolation,
            allowed="None, or a script with a plain BEGIN",
            place="isolation",
        )


def _facts(result: Result, tally: Tally, server: Mapping[str, int]) -> Iterator[Fact]:
    """What clients and server counted over the whole load, and rates of the steady phase."""
    transactions = result.groups.get(TRANSACTION)
    yield Fact(
        name="transactions per second",
        value=transactions.throughput if transactions else None,
        dimension=Dimension.RATE,
    )
    yield Fact(name="commits", value=tally.commits)
    yield Fact(name="rows", value=tally.rows)
    yield Fact(name="retries", value=tally.retries)
    for reason in ("deadlocks", "serialization failures"):
        yield Fact(name=reason, value=tally.aborts.get(reason, 0))
    yield Fact(name="transactions given up", value=tally.given_up)
    yield Fact(name="commits of unknown outcome", value=sum(map(len, tally.unknown.values())))
    for name, number in server.items():
        dimension = Dimension.SIZE if "bytes" in name else Dimension.COUNT
        yield Fact(name=f"{name} of all clients that the server counted", value=number, dimension=dimension)
    yield from lag_facts(result)
    if WAIT in result.groups:
        yield Fact(name=f"{WAIT}, p95", value=result.groups[WAIT].p95, dimension=Dimension.TIME)
