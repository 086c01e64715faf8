"""Commands as their owners see them: queued, looked at, cancelled, counted."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import ApiError, not_found
from pytest_roo_load.ccs.validation import Page

# The lane's row is locked first, so that the numbers of one user's commands follow the order of commit.
_OPEN_LANE = """
    INSERT INTO command_lanes AS l (user_id, batches) VALUES ($1, 1)
    ON CONFLICT (user_id) DO UPDATE SET batches = l.batches + 1, active = true
    RETURNING worker
"""
_OWNS = "SELECT count(*) FROM devices WHERE user_id = $1 AND id = ANY($2::uuid[])"
_LENGTH = "SELECT count(*) FROM commands WHERE user_id = $1 AND state = 'queued'"
_INSERT = """
    INSERT INTO commands (id, user_id, type, priority, target_device_ids, payload, config, idempotency_key)
    SELECT id, $1, type, priority, coalesce(string_to_array(nullif(targets, ''), ',')::uuid[], '{}'),
        payload::json, config::json, key
    FROM unnest($2::uuid[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[])
         WITH ORDINALITY AS c(id, type, priority, targets, payload, config, key, place)
    ORDER BY place
    ON CONFLICT (user_id, idempotency_key) DO NOTHING
"""
_BY_KEY = "SELECT idempotency_key, id::text FROM commands WHERE user_id = $1 AND idempotency_key = ANY($2)"
_READ = "SELECT command_json(c)::text FROM commands c WHERE id = $1 AND user_id = $2"
_LIST = """
    SELECT (SELECT count(*) FROM commands WHERE user_id = $1 AND ($2::text IS NULL OR state = $2)),
        coalesce(json_agg(command_json(c) ORDER BY c.sequence), '[]')::text
    FROM (
        SELECT * FROM commands WHERE user_id = $1 AND ($2::text IS NULL OR state = $2)
        ORDER BY sequence LIMIT $3 OFFSET $4
    ) c
"""
_CANCEL = """
    WITH before AS (SELECT id, state FROM commands WHERE id = $1 AND user_id = $2 FOR NO KEY UPDATE), cancelled AS (
        UPDATE commands c SET state = 'cancelled', finished_at = now()
        FROM before b WHERE c.id = b.id AND b.state IN ('queued', 'routing', 'executing')
        RETURNING command_json(c)::text AS body, c.target_device_ids::text[] AS targets
    )
    SELECT before.state, (SELECT body FROM cancelled), (SELECT targets FROM cancelled) FROM before
"""
_STATS = """
    SELECT json_build_object(
        'by_status', (SELECT coalesce(json_object_agg(state, n), '{}') FROM (
            SELECT state, count(*) AS n FROM commands WHERE user_id = $1 GROUP BY state) s),
        'queued_by_priority', (SELECT coalesce(json_object_agg(priority, n), '{}') FROM (
            SELECT priority, count(*) AS n FROM commands WHERE user_id = $1 AND state = 'queued'
            GROUP BY priority) p),
        'oldest_queued_at', (SELECT min(created_at) FROM commands WHERE user_id = $1 AND state = 'queued'),
        'effects', (SELECT count(*) FROM command_effects WHERE user_id = $1),
        'limits', json_build_object('at_a_time', $2::int, 'queue', $3::int))::text
"""
_RETRY_AFTER_S = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandForm:
    """A command as a client sends it; ``payload`` and ``config`` are JSON text."""

    type: str
    priority: int
    targets: tuple[str, ...]
    payload: str
    config: str
    idempotency_key: str | None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def key(self) -> str:
        """What makes a repetition of this command recognisable."""
        return self.id if self.idempotency_key is None else self.idempotency_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """The ids of commands in the order they were sent, and the worker that has the user's lane, if one has."""

    ids: tuple[str, ...]
    worker: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """A command that was cancelled, as JSON text, and the devices that may be executing it."""

    body: str
    targets: tuple[str, ...]


async def queue_commands(database: Database, user_id: str, forms: Sequence[CommandForm], *, longest: int) -> Queued:
    """Queue commands, all or none; one whose idempotency key the user has used before is that command.

    Raises:
        ApiError: 404 for a target that is not the user's, 429 ``QUEUE_FULL`` beyond ``longest`` waiting commands.
    """
    targets = {target for form in forms for target in form.targets}
    async with database.transaction() as connection:
        worker = await connection.fetchval(_OPEN_LANE, user_id)
        if targets and await connection.fetchval(_OWNS, user_id, list(targets)) != len(targets):
            raise not_found("device")
        if await connection.fetchval(_LENGTH, user_id) + len(forms) > longest:
            message = f"No more than {longest} commands may wait"
            raise ApiError(429, "QUEUE_FULL", message, headers={"Retry-After": _RETRY_AFTER_S})
        await connection.execute(_INSERT, user_id, *_columns(forms))
        keys = [form.key for form in forms if form.idempotency_key is not None]
        known = {row[0]: row[1] for row in await connection.fetch(_BY_KEY, user_id, keys)} if keys else {}
    return Queued(ids=tuple(known.get(form.key, form.id) for form in forms), worker=worker)


async def read_command(database: Database, command_id: str, user_id: str) -> str:
    """Return a command with its effects; raises 404 ``COMMAND_NOT_FOUND``."""
    body = await database.value(_READ, command_id, user_id)
    if body is None:
        raise not_found("command")
    return str(body)


async def list_commands(database: Database, user_id: str, page: Page, status: str | None) -> tuple[int, str]:
    """Return how many commands of a status the user has, and one page of them, oldest first."""
    total, body = await database.row(_LIST, user_id, status, page.limit, page.offset)
    return total, body


async def cancel_command(database: Database, command_id: str, user_id: str) -> Cancelled:
    """Cancel a command that has not ended; raises 404, or 409 ``COMMAND_FINISHED``."""
    row = await database.row(_CANCEL, command_id, user_id)
    if row is None:
        raise not_found("command")
    state, body, targets = row
    if body is None:
        raise ApiError(409, "COMMAND_FINISHED", f"The command has ended: {state}")
    return Cancelled(body=body, targets=tuple(targets) if state != "queued" else ())


async def command_stats(database: Database, user_id: str, *, at_a_time: int, longest: int) -> str:
    """Return the user's commands counted by status and priority, and the limits."""
    return str(await database.value(_STATS, user_id, at_a_time, longest))


def _columns(forms: Sequence[CommandForm]) -> tuple[list[Any], ...]:
    rows = [
        (form.id, form.type, form.priority, ",".join(form.targets), form.payload, form.config, form.key)
        for form in forms
    ]
    return tuple(list(column) for column in zip(*rows, strict=True))
