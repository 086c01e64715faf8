"""Users: accounts, profiles, preferences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import ApiError, not_found

_CREATE = """
    WITH created AS (
        INSERT INTO users AS u (email, password_hash, display_name, preferences)
        VALUES ($1, $2, $3, $4::jsonb)
        ON CONFLICT (email) DO NOTHING
        RETURNING u.id, user_json(u)::text AS body
    ), audited AS (
        INSERT INTO security_audit_log (user_id, event) SELECT id, 'registered' FROM created
    )
    SELECT body FROM created
"""
_CREDENTIALS = "SELECT id::text, password_hash, is_active, display_name, email FROM users WHERE email = $1"
_HASH = "SELECT password_hash FROM users WHERE id = $1 AND is_active"
_READ = "SELECT id::text, user_json(u)::text FROM users u WHERE id = ANY($1::uuid[]) AND is_active"
_UPDATE = """
    UPDATE users u
    SET display_name = coalesce($2, display_name),
        preferences = preferences || coalesce($3::jsonb, '{}'),
        updated_at = now()
    WHERE id = $1 AND is_active
    RETURNING user_json(u)::text
"""
_PREFERENCES = "SELECT preferences::text FROM users WHERE id = $1 AND is_active"
_MERGE_PREFERENCES = """
    UPDATE users SET preferences = preferences || $2::jsonb, updated_at = now()
    WHERE id = $1 AND is_active
    RETURNING preferences::text
"""
_LOCK = "SELECT password_hash FROM users WHERE id = $1 AND is_active FOR UPDATE"
_SET_PASSWORD = "UPDATE users SET password_hash = $2, updated_at = now() WHERE id = $1"  # noqa: S105 - a statement
_END_OTHER_SESSIONS = """
    WITH ended AS (
        UPDATE sessions SET revoked_at = now(), revoked_because = 'password changed'
        WHERE user_id = $1 AND id <> $2 AND revoked_at IS NULL
        RETURNING id::text
    ), audited AS (
        INSERT INTO security_audit_log (user_id, event) VALUES ($1, 'password changed')
    )
    SELECT coalesce(array_agg(id), '{}') FROM ended
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a login is checked against."""

    user_id: str
    email: str
    display_name: str | None
    password_hash: str
    is_active: bool


async def create_user(database: Database, *, email: str, password_hash: str, name: str | None, preferences: str) -> str:
    """Create a user and return it; raises 409 ``USER_EXISTS`` when the e-mail is taken."""
    body = await database.value(_CREATE, email, password_hash, name, preferences)
    if body is None:
        raise ApiError(409, "USER_EXISTS", "A user with this e-mail exists already")
    return str(body)


async def credentials(database: Database, email: str) -> Credentials | None:
    """Return what a login with ``email`` is checked against, None when there is no such user."""
    row = await database.row(_CREDENTIALS, email)
    if row is None:
        return None
    return Credentials(
        user_id=row["id"],
        email=row["email"],
        display_name=row["display_name"],
        password_hash=row["password_hash"],
        is_active=row["is_active"],
    )


async def password_hash(database: Database, user_id: str) -> str:
    """Return the stored hash of a user's password."""
    return _found(await database.value(_HASH, user_id))


async def read_users(database: Database, user_ids: Sequence[str]) -> dict[str, str]:
    """Return users by their ids."""
    return dict(await database.rows(_READ, user_ids))


async def update_user(database: Database, user_id: str, *, name: str | None, preferences: str | None) -> str:
    """Change what is not None, merge the preferences, and return the user."""
    return _found(await database.value(_UPDATE, user_id, name, preferences))


async def read_preferences(database: Database, user_id: str) -> str:
    """Return a user's preferences."""
    return _found(await database.value(_PREFERENCES, user_id))


async def merge_preferences(database: Database, user_id: str, preferences: str) -> str:
    """Set the members of ``preferences``, keep the others, and return all."""
    return _found(await database.value(_MERGE_PREFERENCES, user_id, preferences))


async def change_password(
    database: Database, user_id: str, *, before: str, after: str, keep_session: str
) -> list[str] | None:
    """Replace the password hash and end the user's other sessions; return their ids.

    None, and nothing done, when the hash is not ``before`` any more. The user's row is locked first, as a login does,
    so that no login with the old password can slip in between.
    """
    async with database.transaction() as connection:
        if await connection.fetchval(_LOCK, user_id) != before:
            return None
        await connection.execute(_SET_PASSWORD, user_id, after)
        return list(await connection.fetchval(_END_OTHER_SESSIONS, user_id, keep_session))


def _found(value: Any) -> str:
    if value is None:
        raise not_found("user")
    return str(value)
