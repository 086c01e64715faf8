"""Connections to PostgreSQL that are lost, above all while a COMMIT is on its way."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from cutting_postgres import cutting_postgres
from workload_lab import stress

from pytest_roo_load.core.result import Result
from pytest_roo_load.errors import ConnectionLost
from pytest_roo_load.session.stack import Service
from pytest_roo_load.workloads.choices import Pace
from pytest_roo_load.workloads.postgres.connection import DRIVERS, Place, connect
from pytest_roo_load.workloads.postgres.session import Session
from pytest_roo_load.workloads.postgres.settings import Choices
from pytest_roo_load.workloads.postgres.workload import PostgresWorkload

_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = $1 AND wait_event = 'PgSleep'"
ONE = Pace(clients=1, duration="20 s", count=5)


@contextlib.contextmanager
def third_commit(dsn: str, does: str) -> Iterator[None]:
    """A table that `insert` fills; the commit of its third row does something before it is done."""
    asyncio.run(
        execute(
            dsn,
            "CREATE TABLE third (id serial)",
            "CREATE FUNCTION third() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$BEGIN IF NEW.id = 3 THEN {does}; END IF; RETURN NULL; END$$",
            "CREATE CONSTRAINT TRIGGER third AFTER INSERT ON third DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION third()",
        )
    )
    try:
        yield
    finally:
        asyncio.run(execute(dsn, "DROP TABLE third", "DROP FUNCTION third()"))


async def insert(session: Session, draw: Any) -> None:
    del draw
    await session.fetch("INSERT INTO third DEFAULT VALUES", name="insert")


async def execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for sql in statements:
            await connection.execute(sql)
    finally:
        await connection.close()


async def terminate(dsn: str, query: str) -> None:
    """Terminate the session that sleeps in a query, as soon as there is one."""
    killer = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(20):
            ended: list[Any] = []
            while not ended:
                await asyncio.sleep(0.02)
                ended = await killer.fetch(_TERMINATE, query)
    finally:
        await killer.close()


def needs(driver: str) -> None:
    if driver == "psycopg":
        pytest.importorskip("psycopg")


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_session_that_the_server_ends_is_a_lost_connection(postgres: Service, driver: str) -> None:
    needs(driver)

    async def lose() -> None:
        connection = await connect(Place(dsn=postgres.url, driver=driver))
        try:
            await asyncio.gather(
                connection.fetch("SELECT pg_sleep(60)", ()), terminate(postgres.url, "SELECT pg_sleep(60)")
            )
        finally:
            await connection.close()

    with pytest.raises(ConnectionLost):
        asyncio.run(lose())


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_commit_whose_answer_is_lost_may_have_been_done(postgres: Service, tmp_path: Path, driver: str) -> None:
    needs(driver)
    pace = Pace(clients=2, duration="20 s", count=100)

    with cutting_postgres(postgres.url, 20) as way:
        outcome = stress(PostgresWorkload("hot_row", way.url, Choices(driver=driver), pace), tmp_path)

    assert outcome.broken == []
    assert outcome.fact("commits of unknown outcome") == 1
    assert failures(outcome.result) == {"COMMIT": {"connection lost": 1}}


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_session_that_is_terminated_in_its_commit_leaves_a_doubt(
    postgres: Service, tmp_path: Path, driver: str
) -> None:
    needs(driver)
    workload = PostgresWorkload(insert, postgres.url, Choices(driver=driver), ONE)
    ending = threading.Thread(target=asyncio.run, args=(terminate(postgres.url, "COMMIT"),))

    with third_commit(postgres.url, "PERFORM pg_sleep(60)"):
        ending.start()
        try:
            outcome = stress(workload, tmp_path)
        finally:
            ending.join()

    assert outcome.fact("commits of unknown outcome") == 1
    assert failures(outcome.result) == {"COMMIT": {"connection lost": 1}}


@pytest.mark.parametrize(("sqlstate", "unknown"), [("40003", 1), ("08P01", 1), ("23514", 0)])
def test_a_commit_is_in_doubt_when_the_answer_does_not_say_that_it_failed(
    postgres: Service, tmp_path: Path, sqlstate: str, unknown: int
) -> None:
    with third_commit(postgres.url, f"RAISE EXCEPTION 'planted' USING ERRCODE = '{sqlstate}'"):
        outcome = stress(PostgresWorkload(insert, postgres.url, Choices(), ONE), tmp_path)

    assert outcome.fact("commits of unknown outcome") == unknown
    assert failures(outcome.result) == {"COMMIT": {f"SQLSTATE {sqlstate}": 1}}


def failures(result: Result) -> dict[str, dict[str, int]]:
    """Operation → kind of failure → how many."""
    return {
        name: {kind: error.count for kind, error in one.errors.items()}
        for name, one in result.operations.items()
        if one.failed
    }
