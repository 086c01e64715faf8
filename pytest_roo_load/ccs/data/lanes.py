"""The dispatch of commands: who serves which user's lane, what it claims, what becomes of it.

A worker's statement counts only while its fence is the lane's, so that a worker that was given up for dead and comes
back changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_roo_load.ccs.commands.command import SERVER, Claimed, Outcome, Patience
from pytest_roo_load.ccs.database import Database

_SEEN = """
    INSERT INTO command_workers (worker, seen_at) VALUES ($1, clock_timestamp())
    ON CONFLICT (worker) DO UPDATE SET seen_at = excluded.seen_at
"""
# A lane may be taken when nobody else has it, or when the one who has it was not seen within the lease.
_TAKE = """
    UPDATE command_lanes l SET worker = $1, fence = fence + 1, active = true
    WHERE user_id = ANY($2::uuid[]) AND NOT EXISTS (
        SELECT FROM command_workers w
        WHERE w.worker = l.worker AND w.worker <> $1 AND w.seen_at > clock_timestamp() - make_interval(secs => $3))
    RETURNING user_id::text, fence
"""
_HELD = "SELECT user_id::text, fence FROM command_lanes WHERE worker = $1 AND active"
_ABANDONED = """
    SELECT coalesce(array_agg(user_id::text), '{}') FROM (
        SELECT user_id FROM command_lanes l
        WHERE active AND NOT EXISTS (
            SELECT FROM command_workers w
            WHERE w.worker = l.worker AND w.seen_at > clock_timestamp() - make_interval(secs => $1))
        LIMIT $2) abandoned
"""
_PUT_BACK = """
    UPDATE commands SET state = 'queued', attempts = attempts - 1, not_before = now()
    WHERE user_id = ANY($1::uuid[]) AND state IN ('routing', 'executing')
"""
_PUT_BACK_UNKNOWN = """
    UPDATE commands c SET state = 'queued', attempts = attempts - 1, not_before = now()
    FROM unnest($1::uuid[], $2::bigint[]) AS lane(user_id, fence)
    WHERE c.user_id = lane.user_id AND c.fence = lane.fence AND c.state IN ('routing', 'executing')
      AND c.id <> ALL($3::uuid[])
"""
_END = """
    WITH ended AS (
        UPDATE commands c
        SET state = o.state, attempts = o.attempts, error = o.error,
            not_before = now() + make_interval(secs => o.delay_s),
            acknowledged_at = CASE WHEN o.acknowledged THEN coalesce(c.acknowledged_at, now()) END,
            finished_at = CASE WHEN o.state NOT IN ('queued', 'executing') THEN now() END
        FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::int[], $5::text[], $6::float8[], $7::bool[])
             AS o(id, fence, state, attempts, error, delay_s, acknowledged)
        WHERE c.id = o.id AND c.fence = o.fence AND c.state IN ('routing', 'executing')
        RETURNING c.id, c.user_id, c.idempotency_key
    )
    INSERT INTO command_effects (user_id, idempotency_key, executor, command_id, result)
    SELECT ended.user_id, ended.idempotency_key, e.executor, ended.id, e.result::json
    FROM unnest($8::uuid[], $9::text[], $10::text[]) AS e(id, executor, result) JOIN ended USING (id)
    ON CONFLICT DO NOTHING
"""
_CLAIM = """
    WITH next AS (
        SELECT q.id, l.fence
        FROM unnest($1::uuid[], $2::bigint[], $3::int[]) AS want(user_id, fence, room)
        JOIN command_lanes l ON l.user_id = want.user_id AND l.fence = want.fence
        CROSS JOIN LATERAL (
            SELECT id FROM commands
            WHERE user_id = want.user_id AND state = 'queued' AND not_before <= now()
              AND NOT target_device_ids && $4::uuid[]
            ORDER BY priority DESC, sequence LIMIT want.room
            FOR NO KEY UPDATE SKIP LOCKED) q
    )
    UPDATE commands c
    SET state = 'routing', fence = next.fence, attempts = attempts + 1, started_at = now()
    FROM next WHERE c.id = next.id AND c.state = 'queued'
    RETURNING c.id::text, c.user_id::text, c.type, c.priority, c.sequence, c.attempts, c.idempotency_key,
        c.target_device_ids::text[] AS targets, c.payload::text, c.config::text,
        CASE WHEN c.attempts > 1 THEN array(
            SELECT executor FROM command_effects e
            WHERE e.user_id = c.user_id AND e.idempotency_key = c.idempotency_key) END AS done,
        (c.config ->> 'timeout_s')::float8 AS timeout_s, (c.config ->> 'retries')::int AS retries,
        (c.config ->> 'retry_delay_s')::float8 AS retry_delay_s
"""
_WAITING = """
    SELECT want.user_id::text, extract(epoch FROM (
        SELECT min(not_before) FROM commands
        WHERE user_id = want.user_id AND state = 'queued' AND NOT target_device_ids && $2::uuid[]) - now())::float8
    FROM unnest($1::uuid[]) AS want(user_id)
"""
_BATCHES = "SELECT user_id::text, batches FROM command_lanes WHERE user_id = ANY($1::uuid[])"
# Nothing may have been queued since `batches` was read, which was before the queue was seen to be empty.
_RELEASE = """
    UPDATE command_lanes l SET active = false, worker = NULL
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS r(user_id, fence, batches)
    WHERE l.user_id = r.user_id AND l.fence = r.fence AND l.batches = r.batches AND NOT EXISTS (
        SELECT FROM commands c WHERE c.user_id = r.user_id AND c.state IN ('queued', 'routing', 'executing'))
    RETURNING l.user_id::text
"""
_HAND_OVER = """
    UPDATE command_lanes SET worker = NULL, fence = fence + 1 WHERE worker = $1 AND active RETURNING user_id::text
"""
_EXPIRE = """
    UPDATE commands SET state = 'timeout', error = 'no device took it in time', finished_at = now()
    WHERE user_id = ANY($1::uuid[]) AND state = 'queued' AND target_device_ids && $2::uuid[]
      AND created_at < now() - make_interval(secs => $3)
"""
_LIMIT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """So many commands of a user's lane, if its fence is still this."""

    user_id: str
    fence: int
    room: int


async def seen(database: Database, worker: str) -> None:
    """Note that a worker lives."""
    await database.execute(_SEEN, worker)


async def take_lanes(database: Database, worker: str, user_ids: Sequence[str], lease_s: float) -> dict[str, int]:
    """Become the worker of those lanes that nobody alive has; return their fences by user.

    What the worker before had begun goes back to its place in the queue.
    """
    async with database.transaction() as connection:
        taken = {row[0]: row[1] for row in await connection.fetch(_TAKE, worker, user_ids, lease_s)}
        if taken:
            await connection.execute(_PUT_BACK, list(taken))
    return taken


async def held(database: Database, worker: str) -> dict[str, int]:
    """Return the fences of the lanes that a worker has, by user."""
    return {row[0]: row[1] for row in await database.rows(_HELD, worker)}


async def put_back_unknown(database: Database, fences: dict[str, int], known: Sequence[str]) -> None:
    """Return to the queue what was claimed with these fences and is not ``known``.

    A claim whose answer was lost with the connection may have been made all the same.
    """
    await database.execute(_PUT_BACK_UNKNOWN, list(fences), list(fences.values()), known)


async def abandoned_lanes(database: Database, lease_s: float) -> list[str]:
    """Return users whose lanes have work and no worker that was seen within the lease."""
    return list(await database.value(_ABANDONED, lease_s, _LIMIT))


async def record(database: Database, ended: Sequence[tuple[int, Outcome]]) -> None:
    """Write outcomes with the fences of their lanes; commands that are another worker's by now stay as they are."""
    outcomes = [outcome for _, outcome in ended]
    effects = [(outcome.command_id, effect) for outcome in outcomes for effect in outcome.effects]
    await database.execute(
        _END,
        [outcome.command_id for outcome in outcomes],
        [fence for fence, _ in ended],
        [outcome.state for outcome in outcomes],
        [outcome.attempts for outcome in outcomes],
        [outcome.error for outcome in outcomes],
        [outcome.delay_s for outcome in outcomes],
        [outcome.acknowledged for outcome in outcomes],
        [command_id for command_id, _ in effects],
        [effect.executor for _, effect in effects],
        [effect.result for _, effect in effects],
    )


async def claim(database: Database, wanted: Sequence[Wanted], offline: Sequence[str]) -> list[Claimed]:
    """Claim the next commands of several lanes, none for the devices in ``offline``; in no order."""
    rows = await database.rows(
        _CLAIM,
        [lane.user_id for lane in wanted],
        [lane.fence for lane in wanted],
        [lane.room for lane in wanted],
        offline,
    )
    return [_claimed(row) for row in rows]


async def waiting(database: Database, user_ids: Sequence[str], offline: Sequence[str]) -> dict[str, float]:
    """Return in how many seconds the next queued command of a user is due, for users who have one."""
    rows = await database.rows(_WAITING, user_ids, offline)
    return {row[0]: row[1] for row in rows if row[1] is not None}


async def release(database: Database, fences: dict[str, int]) -> list[str]:
    """Give up lanes that are empty; return the users whose were."""
    batches = dict(tuple(row) for row in await database.rows(_BATCHES, list(fences)))
    found = [user_id for user_id in fences if user_id in batches]
    values = ([fences[user_id] for user_id in found], [batches[user_id] for user_id in found])
    gone = [user_id for user_id in fences if user_id not in batches]
    return gone + [row[0] for row in await database.rows(_RELEASE, found, *values)]


async def hand_over(database: Database, worker: str) -> list[str]:
    """Give up all lanes of a worker that stops; return the users that need another one."""
    return [row[0] for row in await database.rows(_HAND_OVER, worker)]


async def expire_unreachable(database: Database, user_ids: Sequence[str], offline: Sequence[str], ttl_s: float) -> None:
    """End the commands that have waited for these devices for longer than ``ttl_s``."""
    await database.execute(_EXPIRE, user_ids, offline, ttl_s)


def _claimed(row: Any) -> Claimed:
    done = row["done"] or ()
    default = Patience()
    return Claimed(
        id=row["id"],
        user_id=row["user_id"],
        type=row["type"],
        priority=row["priority"],
        sequence=row["sequence"],
        attempt=row["attempts"],
        idempotency_key=row["idempotency_key"],
        executors=tuple(executor for executor in row["targets"] or (SERVER,) if executor not in done),
        payload=row["payload"],
        config=row["config"],
        patience=Patience(
            timeout_s=default.timeout_s if row["timeout_s"] is None else row["timeout_s"],
            retries=default.retries if row["retries"] is None else row["retries"],
            retry_delay_s=default.retry_delay_s if row["retry_delay_s"] is None else row["retry_delay_s"],
        ),
    )
