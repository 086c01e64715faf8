"""The versions of files that a user's devices agree on. Changes are numbered per user in the order of commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.files.agreement import Decision, Offer, decide

# The first statement of every change: it locks the user's changes and draws the next number.
_NEXT = """
    INSERT INTO sync_cursors AS c (user_id, last) VALUES ($1, 1)
    ON CONFLICT (user_id) DO UPDATE SET last = c.last + 1 RETURNING last
"""
_SKIP = "UPDATE sync_cursors SET last = last + $2 WHERE user_id = $1"
_CURRENT = """
    SELECT s.hash, s.status, sync_json(s)::text AS body FROM file_sync_state s
    WHERE user_id = $1 AND workspace = $2 AND path = $3
"""
_TAKE = """
    WITH content AS (
        SELECT id FROM files WHERE user_id = $1 AND sha256 = $6 AND status = 'completed' LIMIT 1
    )
    INSERT INTO file_sync_state AS s (user_id, workspace, path, sequence, device_id, hash, size, file_id, status)
    SELECT $1, $2, $3, $4, $5, $6, $7, (SELECT id FROM content),
           CASE WHEN $6::text IS NULL THEN 'deleted' WHEN EXISTS (SELECT FROM content) THEN 'synced' ELSE 'pending' END
    ON CONFLICT (user_id, workspace, path) DO UPDATE
    SET sequence = excluded.sequence, device_id = excluded.device_id, hash = excluded.hash, size = excluded.size,
        file_id = excluded.file_id, status = excluded.status, updated_at = clock_timestamp()
    RETURNING sync_json(s)::text
"""
_DISPUTE = """
    UPDATE file_sync_state s SET status = 'conflict', sequence = $4, updated_at = clock_timestamp()
    WHERE user_id = $1 AND workspace = $2 AND path = $3
    RETURNING sync_json(s)::text
"""
_NOTE = """
    INSERT INTO sync_operations (user_id, device_id, workspace, path, operation, resolution, hash_before, hash_after)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_CHANGES = """
    SELECT sequence, sync_json(s)::text AS body FROM file_sync_state s
    WHERE user_id = $1 AND sequence > $2 AND ($3::timestamptz IS NULL OR updated_at >= $3)
      AND ($4::text IS NULL OR workspace = $4)
    ORDER BY sequence LIMIT $5
"""
_SETTLE = """
    WITH waiting AS (
        SELECT workspace, path, row_number() OVER () AS number FROM file_sync_state
        WHERE user_id = $1 AND hash = $2 AND status IN ('pending', 'error')
    ), settled AS (
        UPDATE file_sync_state s
        SET status = $3, file_id = $4, sequence = $5 + waiting.number, updated_at = clock_timestamp()
        FROM waiting WHERE s.user_id = $1 AND s.workspace = waiting.workspace AND s.path = waiting.path
        RETURNING sync_json(s)::text AS body
    )
    SELECT coalesce(array_agg(body), '{}') FROM settled
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A path in a workspace of a user."""

    user_id: str
    workspace: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """The outcome of an offer; ``state`` is JSON text of what the devices have now, None for nothing at all."""

    decision: Decision
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Changes in order, as a JSON list; ``cursor`` is the number of the last, ``more`` whether others follow."""

    body: str
    cursor: int
    more: bool


async def offer_version(database: Database, place: Place, device_id: str, offer: Offer, size_bytes: int) -> Agreed:
    """Take a device's version of a path, or note the conflict."""
    where = (place.user_id, place.workspace, place.path)
    async with database.transaction() as connection:
        number = await connection.fetchval(_NEXT, place.user_id)
        current = await connection.fetchrow(_CURRENT, *where)
        before = None if current is None else current["hash"]
        disputed = current is not None and current["status"] == "conflict"
        decision = decide(before, offer, disputed=disputed)
        state = None if current is None else current["body"]
        if decision.taken:
            state = await connection.fetchval(_TAKE, *where, number, device_id, offer.hash, size_bytes)
        elif decision.conflict:
            state = await connection.fetchval(_DISPUTE, *where, number)
        if decision.operation is not None:
            what = (decision.operation, offer.resolution, before, offer.hash)
            await connection.execute(_NOTE, place.user_id, device_id, place.workspace, place.path, *what)
    return Agreed(decision=decision, state=state)


async def changes_since(
    database: Database, user_id: str, since: int | datetime, *, workspace: str | None, limit: int
) -> Changes:
    """Return what has changed after a number, or since a time."""
    number, moment = (since, None) if isinstance(since, int) else (0, since)
    rows = await database.rows(_CHANGES, user_id, number, moment, workspace, limit + 1)
    page = rows[:limit]
    return Changes(
        body="[" + ",".join(row["body"] for row in page) + "]",
        cursor=page[-1]["sequence"] if page else number,
        more=len(rows) > limit,
    )


async def content_arrived(connection: Any, user_id: str, file_id: str, sha256: str) -> list[str]:
    """Settle, inside of a transaction, what waited for this content; return the states that changed."""
    return await _settle(connection, user_id, sha256, status="synced", file_id=file_id)


async def content_failed(connection: Any, user_id: str, sha256: str) -> list[str]:
    """Note, inside of a transaction, that content was announced and did not arrive whole; as `content_arrived`."""
    return await _settle(connection, user_id, sha256, status="error", file_id=None)


async def _settle(connection: Any, user_id: str, sha256: str, *, status: str, file_id: str | None) -> list[str]:
    number = await connection.fetchval(_NEXT, user_id)
    settled = list(await connection.fetchval(_SETTLE, user_id, sha256, status, file_id, number))
    await connection.execute(_SKIP, user_id, len(settled))
    return settled
