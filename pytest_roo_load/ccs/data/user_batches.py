"""Users in batches: many are created, changed, deactivated or deleted by one statement.

A user belongs to the one who created it in a batch; everybody else's users do not exist for a batch.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_roo_load.ccs.database import Database

_CREATE = """
    WITH created AS (
        INSERT INTO users (email, password_hash, display_name, preferences, managed_by)
        SELECT email, password_hash, display_name, preferences::jsonb, $1
        FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
             AS new(email, password_hash, display_name, preferences)
        ON CONFLICT (email) DO NOTHING
        RETURNING id, email
    ), audited AS (
        INSERT INTO security_audit_log (user_id, event, detail)
        SELECT id, 'created in a batch', json_build_object('by', $1::uuid) FROM created
    )
    SELECT email, id::text FROM created
"""
_UPDATE = """
    UPDATE users u
    SET display_name = coalesce(new.display_name, u.display_name),
        preferences = u.preferences || coalesce(new.preferences::jsonb, '{}'), updated_at = now()
    FROM unnest($2::uuid[], $3::text[], $4::text[]) AS new(id, display_name, preferences)
    WHERE u.id = new.id AND u.managed_by = $1
    RETURNING u.id::text, ARRAY[]::text[]
"""
_DEACTIVATE = """
    WITH chosen AS (
        UPDATE users SET is_active = false, updated_at = now()
        WHERE id = ANY($2::uuid[]) AND managed_by = $1 RETURNING id
    ), ended AS (
        UPDATE sessions s SET revoked_at = now(), revoked_because = 'user deactivated'
        FROM chosen WHERE s.user_id = chosen.id AND s.revoked_at IS NULL RETURNING s.user_id, s.id
    ), audited AS (
        INSERT INTO security_audit_log (user_id, event, detail)
        SELECT id, 'deactivated in a batch', json_build_object('by', $1::uuid) FROM chosen
    )
    SELECT chosen.id::text, array(SELECT ended.id::text FROM ended WHERE ended.user_id = chosen.id) FROM chosen
"""
_DELETE = """
    WITH chosen AS (DELETE FROM users WHERE id = ANY($2::uuid[]) AND managed_by = $1 RETURNING id), audited AS (
        INSERT INTO security_audit_log (user_id, event, detail)
        SELECT id, 'deleted in a batch', json_build_object('by', $1::uuid) FROM chosen
    )
    SELECT chosen.id::text, array(SELECT s.id::text FROM sessions s WHERE s.user_id = chosen.id) FROM chosen
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserOperation:
    """One operation: a new user has an e-mail and a password's hash, any other an id; ``preferences`` is JSON text."""

    op: str
    user_id: str = ""
    email: str = ""
    password_hash: str = ""
    name: str | None = None
    preferences: str | None = None

    @property
    def subject(self) -> str:
        """Whom it is about: no statement may be about somebody twice."""
        return self.email or self.user_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What an operation has done: the user, and the sessions that have ended with it."""

    user_id: str
    ended: tuple[str, ...] = ()


async def run_operations(
    database: Database, manager_id: str, operations: Sequence[UserOperation]
) -> list[Changed | None]:
    """Carry out operations in their order in one transaction; None where there is no such user, or there is one."""
    outcomes: list[Changed | None] = []
    async with database.transaction() as connection:
        for run in alike(operations):
            changed = await _RUNS[run[0].op](connection, manager_id, run)
            outcomes += [changed.get(operation.subject) for operation in run]
    return outcomes


def alike(operations: Sequence[UserOperation]) -> Iterator[list[UserOperation]]:
    """Split operations into runs that one statement can do: of one kind, and about nobody twice."""
    run: list[UserOperation] = []
    subjects: set[str] = set()
    for operation in operations:
        if run and (operation.op != run[0].op or operation.subject in subjects):
            yield run
            run, subjects = [], set()
        run.append(operation)
        subjects.add(operation.subject)
    if run:
        yield run


async def _create(connection: Any, manager_id: str, run: Sequence[UserOperation]) -> dict[str, Changed]:
    rows = await connection.fetch(
        _CREATE,
        manager_id,
        [operation.email for operation in run],
        [operation.password_hash for operation in run],
        [operation.name for operation in run],
        [operation.preferences or "{}" for operation in run],
    )
    return {email: Changed(user_id=user_id) for email, user_id in rows}


async def _update(connection: Any, manager_id: str, run: Sequence[UserOperation]) -> dict[str, Changed]:
    names = [operation.name for operation in run]
    preferences = [operation.preferences for operation in run]
    return _changed(await connection.fetch(_UPDATE, manager_id, _ids(run), names, preferences))


async def _deactivate(connection: Any, manager_id: str, run: Sequence[UserOperation]) -> dict[str, Changed]:
    return _changed(await connection.fetch(_DEACTIVATE, manager_id, _ids(run)))


async def _delete(connection: Any, manager_id: str, run: Sequence[UserOperation]) -> dict[str, Changed]:
    return _changed(await connection.fetch(_DELETE, manager_id, _ids(run)))


_Run = Callable[[Any, str, Sequence[UserOperation]], Awaitable[dict[str, Changed]]]
_RUNS: dict[str, _Run] = {"create": _create, "update": _update, "deactivate": _deactivate, "delete": _delete}
OPERATIONS = tuple(_RUNS)


def _ids(run: Sequence[UserOperation]) -> list[str]:
    return [operation.user_id for operation in run]


def _changed(rows: Sequence[Any]) -> dict[str, Changed]:
    return {user_id: Changed(user_id=user_id, ended=tuple(ended)) for user_id, ended in rows}
