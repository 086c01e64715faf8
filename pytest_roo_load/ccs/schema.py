"""The database schema: numbered files ``migrations/NNN_what.sql``, each applied once and then never changed.

A file creates tables, indexes and the JSON forms of rows; table ``schema_version`` has one row per file that was
applied. Files need not be applied in one go: a file whose number is missing there is applied when an instance starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

MIGRATIONS = Path(__file__).with_name("migrations")
# Any number, the same in every instance: the advisory lock under which the schema is changed.
_LOCK = 0x63637301
_TABLE = """
    CREATE TABLE IF NOT EXISTS schema_version (
        version integer PRIMARY KEY,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the schema: its number and its statements."""

    version: int
    file: Path


def migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """Return all migrations, in the order of their numbers."""
    found = [Migration(version=int(file.name.partition("_")[0]), file=file) for file in folder.glob("*.sql")]
    return sorted(found, key=lambda migration: migration.version)


async def apply_migrations(connection: Any, wanted: list[Migration]) -> None:
    """Apply what is missing, all or nothing. Several instances may do so together: one works, the others wait."""
    if not await _missing(connection, wanted):
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_TABLE)
        for migration in await _missing(connection, wanted):
            await connection.execute(migration.file.read_text(encoding="utf-8"))
            await connection.execute("INSERT INTO schema_version (version) VALUES ($1)", migration.version)


async def _missing(connection: Any, wanted: list[Migration]) -> list[Migration]:
    if await connection.fetchval("SELECT to_regclass('schema_version')") is None:
        return wanted
    applied = set(await connection.fetchval("SELECT coalesce(array_agg(version), '{}') FROM schema_version"))
    return [migration for migration in wanted if migration.version not in applied]
