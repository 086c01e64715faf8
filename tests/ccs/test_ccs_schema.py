"""Migrations: applied once each, in the order of their numbers, by whoever comes first."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from server_lab import new_database

from pytest_roo_load.ccs.schema import apply_migrations, migrations


def test_numbers_are_unique_and_begin_at_one() -> None:
    numbers = [migration.version for migration in migrations()]
    assert numbers[0] == 1
    assert len(set(numbers)) == len(numbers)


def test_instances_that_start_together_apply_each_file_once(postgres: Any) -> None:
    async def scenario() -> list[int]:
        async with new_database(postgres.url) as url:
            connections = [await asyncpg.connect(url) for _ in range(5)]
            await asyncio.gather(*(apply_migrations(connection, migrations()) for connection in connections))
            return await applied(connections[0])

    assert asyncio.run(scenario()) == [migration.version for migration in migrations()]


def test_a_file_that_was_missing_is_applied_later(postgres: Any, tmp_path: Path) -> None:
    async def scenario() -> list[int]:
        async with new_database(postgres.url) as url:
            connection = await asyncpg.connect(url)
            for name in ("001_a", "003_c", "002_b"):
                (tmp_path / f"{name}.sql").write_text(f"CREATE TABLE t{name} ()", encoding="utf-8")
                await apply_migrations(connection, migrations(tmp_path))
            return await applied(connection)

    assert asyncio.run(scenario()) == [1, 2, 3]


def test_a_file_that_fails_leaves_nothing_behind(postgres: Any, tmp_path: Path) -> None:
    async def scenario() -> Any:
        async with new_database(postgres.url) as url:
            connection = await asyncpg.connect(url)
            (tmp_path / "001_good.sql").write_text("CREATE TABLE good ()", encoding="utf-8")
            (tmp_path / "002_bad.sql").write_text("CREATE TABLE good ()", encoding="utf-8")
            with pytest.raises(asyncpg.DuplicateTableError):
                await apply_migrations(connection, migrations(tmp_path))
            return await connection.fetchval("SELECT to_regclass('good')")

    assert asyncio.run(scenario()) is None


async def applied(connection: Any) -> list[int]:
    return [row[0] for row in await connection.fetch("SELECT version FROM schema_version ORDER BY version")]
