"""The load on PostgreSQL, on a real one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from engine_lab import FLEETS
from workload_lab import Outcome, stress

from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.stack import Service
from pytest_roo_load.workloads.choices import Pace
from pytest_roo_load.workloads.postgres.session import Session
from pytest_roo_load.workloads.postgres.settings import Choices
from pytest_roo_load.workloads.postgres.tables import PREFIX
from pytest_roo_load.workloads.postgres.transactions import WORKLOADS
from pytest_roo_load.workloads.postgres.workload import PostgresWorkload

((TPCB, _),) = WORKLOADS["tpcb"]
SHORT = Pace(clients=6, duration="30 s", count=300)


def ask(dsn: str, *statements: str) -> list[Any]:
    """The first field of the last statement's rows."""

    async def answer() -> list[Any]:
        connection = await asyncpg.connect(dsn)
        try:
            for sql in statements[:-1]:
                await connection.execute(sql)
            return [row[0] for row in await connection.fetch(statements[-1])]
        finally:
            await connection.close()

    return asyncio.run(answer())


def schemas(dsn: str) -> list[str]:
    return ask(dsn, f"SELECT nspname FROM pg_namespace WHERE nspname ~ '^{PREFIX}'")


def load(dsn: str, asked: Any, folder: Path, pace: Pace = SHORT, **choices: Any) -> Outcome:
    return stress(PostgresWorkload(asked, dsn, Choices(**choices), pace), folder)


@pytest.mark.parametrize("name", [name for name in WORKLOADS if name != "read"])
def test_every_workload_keeps_its_promises_and_leaves_nothing(postgres: Service, tmp_path: Path, name: str) -> None:
    outcome = load(postgres.url, name, tmp_path)

    assert outcome.examined.findings
    assert [str(finding) for finding in outcome.examined.findings if finding.verdict.value != "pass"] == []
    assert outcome.result.failed == 0 or name == "serializable"
    assert outcome.fact("commits") > 10
    assert outcome.result.groups["transaction"].count > 10
    assert schemas(postgres.url) == []


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg", "sqlalchemy"])
def test_every_driver_counts_the_same(postgres: Service, tmp_path: Path, driver: str) -> None:
    if driver == "psycopg":
        pytest.importorskip("psycopg")
    pace = Pace(clients=3, duration="30 s", count=200)

    outcome = load(postgres.url, "tpcb", tmp_path, pace, driver=driver)

    assert outcome.broken == []
    assert (outcome.fact("commits"), outcome.fact("rows")) == (200, 1000)
    assert outcome.fact("commits of all clients that the server counted") >= 200
    names = ["BEGIN", "COMMIT", *(one.name for one in TPCB.statements)]
    assert {name: one.count for name, one in outcome.result.operations.items()} == dict.fromkeys(names, 200)
    assert outcome.fact("plan time of UPDATE accounts") > 0


def test_an_engine_without_greenlet_is_told_before_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SQLAlchemy 2.1 comes without it, unless its extra is asked for."""
    monkeypatch.delitem(sys.modules, "pytest_roo_load.workloads.postgres.drivers.with_sqlalchemy", raising=False)
    monkeypatch.setitem(sys.modules, "greenlet", None)

    with pytest.raises(UsageError, match=r"driver is not installed.*pip install 'sqlalchemy\[asyncio\]'"):
        load("postgresql://127.0.0.1:9/db", "read", tmp_path, driver="sqlalchemy")


def test_several_generators_account_together(postgres: Service, tmp_path: Path) -> None:
    workload = PostgresWorkload("hot_row", postgres.url, Choices(), Pace(clients=4, duration="30 s", count=300))

    outcome = stress(workload, tmp_path, fleet=FLEETS["two processes"])

    assert (outcome.broken, outcome.fact("commits")) == ([], 300)


def test_a_pool_lends_fewer_connections_than_there_are_clients(postgres: Service, tmp_path: Path) -> None:
    outcome = load(postgres.url, "read", tmp_path, Pace(clients=12, duration="30 s", count=300), pool=2)

    assert outcome.result.groups["connect"].count <= 2
    assert outcome.result.groups["wait for a connection"].count >= outcome.result.groups["transaction"].count > 0
    assert outcome.fact("wait for a connection, p95") > 0


def test_an_open_rate_counts_from_the_intended_start(postgres: Service, tmp_path: Path) -> None:
    outcome = load(postgres.url, "read", tmp_path, Pace(clients=4, duration="1 s", rate="100/s"))

    assert outcome.result.arrivals in {99, 100}, "the first may count for the warm-up still"
    assert outcome.result.groups["schedule lag"].count > 0


def test_write_skew_is_found_at_repeatable_read_and_not_at_serializable(postgres: Service, tmp_path: Path) -> None:
    """The planted fault: an isolation level that does not keep what the workload relies on."""
    pace = Pace(clients=16, duration="20 s", count=6000)

    found = {
        level: load(postgres.url, "serializable", tmp_path, pace, isolation=level).broken
        for level in ("repeatable read", "serializable")
    }

    assert [finding.promise for finding in found["repeatable read"]] == ["no pair of accounts is overdrawn"]
    assert found["serializable"] == []


def test_commits_that_are_lost_are_found(postgres: Service, tmp_path: Path) -> None:
    """The planted fault: somebody takes one row of the history away."""
    workload = PostgresWorkload("tpcb", postgres.url, Choices(), Pace(clients=4, duration="30 s", count=300))

    def lose_one(_: object) -> None:
        (schema,) = schemas(postgres.url)
        ask(
            postgres.url,
            f"DELETE FROM {schema}.history WHERE ctid = (SELECT min(ctid) FROM {schema}.history)",
            "SELECT 1",
        )

    outcome = stress(workload, tmp_path, before_examining=lose_one)

    assert "the history has every acknowledged commit once" in [finding.promise for finding in outcome.broken]


async def cross_locks(session: Session, draw: random.Random) -> None:
    """Two rows in any order: deadlocks."""
    for key in draw.sample((1, 2), 2):
        await session.fetch("UPDATE crossed SET value = value + 1 WHERE id = $1", key, name="UPDATE crossed")


def test_deadlocks_of_a_function_of_ones_own_are_retried_and_counted(postgres: Service, tmp_path: Path) -> None:
    ask(
        postgres.url,
        "CREATE TABLE crossed (id int PRIMARY KEY, value int NOT NULL)",
        "INSERT INTO crossed VALUES (1, 0), (2, 0)",
        "ALTER DATABASE postgres SET deadlock_timeout = '5ms'",
        "SELECT 1",
    )
    try:
        outcome = load(postgres.url, cross_locks, tmp_path, Pace(clients=6, duration="60 s", count=300))
        sums = ask(postgres.url, "SELECT sum(value) FROM crossed")
    finally:
        ask(postgres.url, "DROP TABLE crossed", "ALTER DATABASE postgres RESET deadlock_timeout", "SELECT 1")

    assert outcome.fact("deadlocks") > 0
    assert outcome.fact("retries") == outcome.fact("deadlocks") - outcome.fact("transactions given up")
    assert sums == [2 * outcome.fact("commits")]
    assert outcome.result.failed == outcome.fact("transactions given up")


def test_a_file_of_ones_own_is_a_transaction(postgres: Service, tmp_path: Path) -> None:
    script = tmp_path / "own.sql"
    script.write_text("\\set n random(1, 9)\nBEGIN;\nSELECT :n::int * 2;\nSELECT 1;\nEND;\n", encoding="utf-8-sig")

    outcome = load(postgres.url, script, tmp_path, Pace(clients=2, duration="20 s", count=50))

    assert outcome.fact("commits") == 50
    assert outcome.result.operations["SELECT $1::int * 2"].count == 50


@pytest.mark.parametrize(
    ("begin", "isolation", "level"),
    [
        ("BEGIN ISOLATION LEVEL SERIALIZABLE", None, "serializable"),
        ("START TRANSACTION ISOLATION LEVEL REPEATABLE READ", None, "repeatable read"),
        ("BEGIN", "serializable", "serializable"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE", "serializable", "serializable"),
        ("BEGIN", None, "read committed"),
    ],
)
def test_a_file_is_performed_at_the_isolation_that_it_begins_with(
    postgres: Service, tmp_path: Path, begin: str, isolation: str | None, level: str
) -> None:
    ask(postgres.url, "CREATE TABLE levels (level text)", "SELECT 1")
    script = tmp_path / "own.sql"
    script.write_text(f"{begin};\nINSERT INTO levels SELECT current_setting('transaction_isolation');\nCOMMIT;\n")
    try:
        outcome = load(postgres.url, script, tmp_path, Pace(clients=1, duration="20 s", count=3), isolation=isolation)
        levels = ask(postgres.url, "SELECT DISTINCT level FROM levels")
    finally:
        ask(postgres.url, "DROP TABLE levels", "SELECT 1")

    assert outcome.fact("commits") == 3
    assert levels == [level]


@pytest.mark.parametrize("begin", ["BEGIN ISOLATION LEVEL READ COMMITTED", "BEGIN READ ONLY"])
def test_a_file_that_asks_for_another_isolation_than_the_test_is_refused(tmp_path: Path, begin: str) -> None:
    script = tmp_path / "own.sql"
    script.write_text(f"{begin};\nSELECT 1;\nCOMMIT;\n")

    with pytest.raises(UsageError, match=f"isolation: .*{begin}.*serializable"):
        load("postgresql://127.0.0.1:9/db", script, tmp_path, isolation="serializable")


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("SELECT * FROM no_such_table;", "own.sql:1: the server does not take a statement"),
        ("SELECT 1 FROM;", "syntax"),
        ("BEGIN ISOLATION LEVEL SNAPSHOT; SELECT 1; END;", "own.sql:1: the server does not take a statement"),
    ],
)
def test_a_file_that_the_server_does_not_take_is_told_before_load(
    postgres: Service, tmp_path: Path, sql: str, problem: str
) -> None:
    script = tmp_path / "own.sql"
    script.write_text(sql)

    with pytest.raises(UsageError, match=problem):
        load(postgres.url, script, tmp_path)


def test_a_dsn_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PostgreSQL cannot be used") as told:
        load("postgresql://me:secret@127.0.0.1:9/db", "read", tmp_path)

    assert "secret" not in str(told.value)
    assert "start it, correct the DSN" in str(told.value)


def test_a_missing_right_is_told_with_the_statement_that_gives_it(postgres: Service, tmp_path: Path) -> None:
    ask(postgres.url, "CREATE ROLE poor LOGIN", "SELECT 1")
    poor = postgres.url.replace("postgres@", "poor@")
    try:
        with pytest.raises(UsageError, match=r"GRANT CREATE ON DATABASE postgres TO poor"):
            load(poor, "read", tmp_path)
    finally:
        ask(postgres.url, "DROP ROLE poor", "SELECT 1")


@contextlib.contextmanager
def no_file_longer(dsn: str, size_bytes: int) -> Iterator[None]:
    """Sessions that a server opens meanwhile can write none: to them the disk is full."""
    (folder,) = ask(dsn, "SHOW data_directory")
    pid = int((Path(folder) / "postmaster.pid").read_text().splitlines()[0])  # another one than at first after a crash
    uids, gids = psutil.Process(pid).uids(), psutil.Process(pid).gids()
    owner: dict[str, Any] = {} if uids.real == os.geteuid() else {"user": uids.real, "group": gids.real}

    def limit(soft: str) -> None:
        subprocess.run(["prlimit", "--pid", f"{pid}", f"--fsize={soft}:"], check=True, cwd="/", **owner)

    limit(f"{size_bytes}")
    try:
        yield
    finally:
        limit("unlimited")


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit (util-linux)")
def test_a_full_disk_is_told_with_the_room_that_is_needed(postgres: Service, tmp_path: Path) -> None:
    with (
        no_file_longer(postgres.url, 20_000_000),
        pytest.raises(UsageError, match=r"about 48 MB of room for the tables.*choose a smaller scale"),
    ):
        load(postgres.url, "read", tmp_path, scale=3)

    assert schemas(postgres.url) == []


def test_more_clients_than_sessions_are_refused_before_load(postgres: Service, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not let in so many sessions"):
        load(postgres.url, "read", tmp_path, Pace(clients=5000))


def test_tables_of_a_dead_run_are_dropped_and_those_of_a_living_one_stay(postgres: Service, tmp_path: Path) -> None:
    ask(postgres.url, f"CREATE SCHEMA {PREFIX}0123456789", f"CREATE SCHEMA {PREFIX}of_somebody", "SELECT 1")
    living: list[str] = []

    def another_run(_: object) -> None:
        load(postgres.url, "read", tmp_path)
        living.extend(schemas(postgres.url))

    try:
        stress(PostgresWorkload("read", postgres.url, Choices(), SHORT), tmp_path, before_examining=another_run)
    finally:
        ask(postgres.url, f"DROP SCHEMA {PREFIX}of_somebody", "SELECT 1")

    assert f"{PREFIX}0123456789" not in living
    assert len(living) == 2, "the one that is in use, and the one that is not ours"
    assert schemas(postgres.url) == []
