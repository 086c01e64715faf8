"""What can be done to a real PostgreSQL and a real Redis, seen by another client."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
import redis as redis_library

from pytest_roo_load.core.faults.fault import FaultRecord
from pytest_roo_load.core.faults.schedule import Schedule
from pytest_roo_load.keeper.client import Keeper
from pytest_roo_load.keeper.launch import DEFAULT_RECIPES

sys.path.insert(0, str(Path(__file__).parents[1] / "keeper"))
from keeper_lab import eventually, new_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="module")
def keeper() -> Iterator[Keeper]:
    with new_run(DEFAULT_RECIPES) as run:
        client = run.client()
        client.ensure("postgres")
        client.ensure("redis")
        yield client


@pytest.fixture
def postgres(keeper: Keeper) -> Iterator[str]:
    yield keeper.ensure("postgres").url
    keeper.end_faults()


@pytest.fixture
def redis(keeper: Keeper) -> Iterator[redis_library.Redis]:
    with redis_library.Redis.from_url(keeper.ensure("redis").url, socket_timeout=0.2) as client:
        yield client
    keeper.end_faults()


def begin(keeper: Keeper, schedule: Schedule) -> FaultRecord:
    """The record of the one fault as soon as it is applied."""
    keeper.begin_faults(time.monotonic(), schedule.faults)
    assert eventually(lambda: keeper.faults()[0].evidence or keeper.faults()[0].problem)
    return keeper.faults()[0]


@asynccontextmanager
async def session(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        connection.terminate()


def test_terminated_backends(keeper: Keeper, postgres: str) -> None:
    async def show() -> FaultRecord:
        async with session(postgres) as connection:
            assert await connection.fetchval("SELECT 1") == 1
            record = await asyncio.to_thread(begin, keeper, Schedule().at(0).terminate_backends())
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
                await connection.fetchval("SELECT 1")
        async with session(postgres) as connection:
            assert await connection.fetchval("SELECT 1") == 1
        return record

    record = asyncio.run(show())
    assert (record.evidence, record.misfire) == ("1 sessions were ended", "")
    assert record.ended_s is not None


def test_no_backend_to_terminate_is_a_misfire(keeper: Keeper, postgres: str) -> None:
    assert postgres
    assert "no client had a session" in begin(keeper, Schedule().at(0).terminate_backends()).misfire


def test_locked_tables(keeper: Keeper, postgres: str) -> None:
    async def show() -> FaultRecord:
        async with session(postgres) as connection:
            await connection.execute("CREATE TABLE IF NOT EXISTS \"strange name\" (n int); SET lock_timeout = '100ms'")
            record = await asyncio.to_thread(begin, keeper, Schedule().at(0).lock_tables())
            with pytest.raises(asyncpg.LockNotAvailableError):
                await connection.fetch('SELECT * FROM "strange name"')
            await asyncio.to_thread(keeper.end_faults)
            assert await connection.fetch('SELECT * FROM "strange name"') == []
        return record

    assert asyncio.run(show()).evidence == "exclusive locks on 1 tables are held"


def test_filled_connections(keeper: Keeper, postgres: str) -> None:
    async def show() -> FaultRecord:
        async with session(postgres) as connection:
            record = await asyncio.to_thread(begin, keeper, Schedule().at(0).fill_connections())
            assert await connection.fetchval("SELECT 1") == 1
            with pytest.raises(asyncpg.TooManyConnectionsError):
                await asyncpg.connect(postgres)
        await asyncio.to_thread(keeper.end_faults)
        async with session(postgres) as connection:
            assert await connection.fetchval("SELECT 1") == 1
        return record

    assert asyncio.run(show()).evidence.endswith("the next one was refused")


def test_a_standby_whose_replication_pauses(keeper: Keeper, postgres: str) -> None:
    standby = keeper.ensure("postgres-standby").url

    async def show() -> FaultRecord:
        async with session(postgres) as primary, session(standby) as reader:
            await primary.execute("CREATE TABLE news (n int); INSERT INTO news VALUES (1)")
            assert await soon(lambda: relation(reader), lambda: there(reader, 1))
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await reader.execute("INSERT INTO news VALUES (0)")
            record = await asyncio.to_thread(begin, keeper, Schedule().at(0).pause_replication())
            behind = await lag(primary)
            for number in range(2, 100):
                await primary.execute("INSERT INTO news VALUES ($1)", number)
            assert await received_everything(primary, reader)
            assert not await there(reader, 2), "it was applied"
            assert await lag(primary) > behind
            await asyncio.to_thread(keeper.end_faults)
            assert await soon(lambda: there(reader, 99))
            assert await soon(lambda: caught_up(primary))
        return record

    async def relation(session: Any) -> bool:
        return await session.fetchval("SELECT to_regclass('news')") is not None

    async def received_everything(primary: Any, reader: Any) -> bool:
        sent = await primary.fetchval("SELECT pg_current_wal_lsn()::text")
        question = "SELECT pg_last_wal_receive_lsn() >= $1::text::pg_lsn"
        return await soon(lambda: reader.fetchval(question, sent))

    async def caught_up(primary: Any) -> bool:
        return await lag(primary) == 0

    record = asyncio.run(show())
    assert record.misfire == ""
    assert record.evidence.startswith("postgres-standby applies nothing after ")


async def there(session: Any, number: int) -> bool:
    return bool(await session.fetchval("SELECT count(*) FROM news WHERE n = $1", number))


async def lag(session: Any) -> int:
    question = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint FROM pg_stat_replication"
    return int(await session.fetchval(question))


async def soon(*questions: Callable[[], Awaitable[bool]]) -> bool:
    """Whether one after the other comes true, within twenty seconds or so each."""
    for question in questions:
        for _ in range(2000):
            if await question():
                break
            await asyncio.sleep(0.01)
        else:
            return False
    return True


def test_a_standby_that_nothing_is_replicated_to_is_a_misfire(keeper: Keeper, postgres: str) -> None:
    standby = keeper.ensure("postgres-standby").url

    async def point_elsewhere() -> None:
        async with session(standby) as connection:
            await connection.execute("ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1 user=postgres'")
            await connection.execute("SELECT pg_reload_conf()")

    assert postgres
    asyncio.run(point_elsewhere())
    record = begin(keeper, Schedule().at(0).pause_replication())
    assert "it did not take hold: nothing is replicated to it" in record.misfire


@pytest.mark.parametrize("verb", ["pause_clients", "block"])
def test_a_silent_redis(keeper: Keeper, redis: redis_library.Redis, verb: str) -> None:
    assert redis.ping()
    record = begin(keeper, getattr(Schedule().at(0), verb)(duration="800 ms"))
    assert (record.evidence, record.misfire) == ("Redis did not answer within 50 ms", "")
    with pytest.raises(redis_library.TimeoutError):
        redis.ping()
    assert eventually(lambda: keeper.faults()[0].ended_s is not None)
    assert redis.ping()


def test_a_redis_without_memory(keeper: Keeper, redis: redis_library.Redis) -> None:
    redis.set("kept", "value")
    record = begin(keeper, Schedule().at(0).fill_memory())
    assert record.evidence == "a write was refused: out of memory"
    with pytest.raises(redis_library.OutOfMemoryError):
        redis.set("new", "value")
    assert redis.get("kept") == b"value"
    keeper.end_faults()
    assert redis.set("new", "value")


def test_a_redis_that_is_a_replica_for_a_while(keeper: Keeper, redis: redis_library.Redis) -> None:
    redis.set("kept", "value")
    record = begin(keeper, Schedule().at(0).demote())
    assert record.evidence == "a write was refused: read-only replica"
    with pytest.raises(redis_library.ReadOnlyError):
        redis.set("new", "value")
    assert redis.get("kept") == b"value"
    keeper.end_faults()
    assert redis.set("new", "value")
    assert redis.get("kept") == b"value"


def test_what_was_written_survives_a_kill(keeper: Keeper, redis: redis_library.Redis, postgres: str) -> None:
    async def write(statement: str) -> Any:
        async with session(postgres) as connection:
            return await connection.fetchval(statement)

    redis.set("survivor", "alive")
    asyncio.run(write("CREATE TABLE survivors AS SELECT 42 AS n"))
    both = Schedule().at(0).kill("redis").at(0).kill("postgres").then_after(0.1).restart("redis")
    keeper.begin_faults(time.monotonic(), both.at(0.1).restart("postgres").faults)
    assert eventually(lambda: all(one.ended_s for one in keeper.faults()))
    assert [one.misfire for one in keeper.end_faults()] == ["", ""]
    assert keeper.ensure("redis").url
    assert redis.get("survivor") == b"alive"
    assert asyncio.run(write("SELECT n FROM survivors")) == 42


def test_a_verb_of_another_service_is_refused(keeper: Keeper) -> None:
    with pytest.raises(Exception, match="not to be done to redis: 'lock_tables'"):
        keeper.check_faults(Schedule().at(0).lock_tables("redis").faults)


def test_a_redis_whose_disk_is_full_refuses_writes_and_recovers(keeper: Keeper, redis: redis_library.Redis) -> None:
    redis.set("kept", "value")
    record = begin(keeper, Schedule().at(0).fill_disk("redis"))
    assert not record.misfire
    assert "sizes of files limited" in record.evidence

    def refused() -> bool:
        try:
            redis.set("new", "x" * 1000)
        except redis_library.ResponseError as error:
            return "MISCONF" in str(error)
        return False

    assert eventually(refused)
    assert redis.get("kept") == b"value"
    keeper.end_faults()
    assert eventually(lambda: not refused())


def test_a_postgres_whose_largest_table_cannot_grow_goes_on(keeper: Keeper, postgres: str) -> None:
    async def show() -> FaultRecord:
        async with session(postgres) as connection:
            fill = "INSERT INTO large SELECT repeat('x', 1000) FROM generate_series(1, 2000)"
            more = fill.replace("2000", "100000")
            await connection.execute("DROP TABLE IF EXISTS large; CREATE TABLE large (t text); " + fill)
            record = await asyncio.to_thread(begin, keeper, Schedule().at(0).fill_disk("postgres"))
            with pytest.raises(asyncpg.PostgresError, match="could not extend file"):
                await connection.execute(more)
            assert await connection.fetchval("SELECT count(*) FROM large") > 0
            await asyncio.to_thread(keeper.end_faults)
            await connection.execute(fill)
        return record

    assert not asyncio.run(show()).misfire


def test_a_postgres_without_descriptors_or_memory_recovers(keeper: Keeper, postgres: str) -> None:
    async def show() -> None:
        both = Schedule().at(0).limit_files("postgres").at(0).limit_memory("postgres", spare="1 MB")
        async with session(postgres) as connection:
            await asyncio.to_thread(begin, keeper, both)
            with pytest.raises((asyncpg.PostgresError, OSError)):
                await connection.fetchval("SELECT length(repeat('x', 500000000))")
        records = await asyncio.to_thread(keeper.end_faults)
        assert [one.misfire for one in records] == ["", ""]
        async with session(postgres) as connection:
            assert await connection.fetchval("SELECT length(repeat('x', 50000000))") == 50_000_000

    asyncio.run(show())
