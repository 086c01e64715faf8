"""Sessions of users at devices: how they begin, go on and end."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_roo_load.ccs.data.devices import DeviceForm
from pytest_roo_load.ccs.data.users import Credentials
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.tokens import RefreshClaims

_GOOD = """
    SELECT device_id::text FROM sessions
    WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > now()
"""
# The device is the one the client names, else the one with its fingerprint, else a new one. The user's row is updated
# only if the password is still the one that was checked, which also orders this against a change of the password.
_START = """
    WITH owner AS (
        UPDATE users u SET last_login_at = now() WHERE id = $1 AND password_hash = $2 AND is_active
        RETURNING u.id, user_json(u)::text AS body
    ), known AS (
        UPDATE devices d
        SET device_name = $4, device_type = $5, platform = coalesce($6, platform),
            capabilities = coalesce($7::jsonb, capabilities), last_seen_at = now()
        FROM owner WHERE d.id = $3 AND d.user_id = owner.id
        RETURNING d.id, device_json(d)::text AS body
    ), added AS (
        INSERT INTO devices AS d (user_id, device_name, device_type, platform, capabilities, fingerprint)
        SELECT id, $4, $5, $6, coalesce($7::jsonb, '{}'), $8 FROM owner WHERE NOT EXISTS (SELECT FROM known)
        ON CONFLICT (user_id, fingerprint) DO UPDATE
        SET device_name = excluded.device_name, device_type = excluded.device_type, last_seen_at = now()
        RETURNING d.id, device_json(d)::text AS body
    ), device AS (
        SELECT * FROM known UNION ALL SELECT * FROM added
    ), started AS (
        INSERT INTO sessions AS s (user_id, device_id, expires_at)
        SELECT owner.id, device.id, now() + make_interval(secs => $9) FROM owner, device
        RETURNING s.id, session_json(s)::text AS body
    ), audited AS (
        INSERT INTO security_audit_log (user_id, event, detail)
        SELECT owner.id, 'logged in', json_build_object('session_id', started.id) FROM owner, started
    )
    SELECT started.id::text AS session_id, owner.body AS owner, device.body AS device, started.body AS session
    FROM owner, device, started
"""
_ROTATE = """
    UPDATE sessions s SET generation = generation + 1, expires_at = now() + make_interval(secs => $5)
    FROM users u
    WHERE s.id = $1 AND s.user_id = $2 AND s.generation = $3 AND s.device_id = $4
      AND s.revoked_at IS NULL AND s.expires_at > now() AND u.id = s.user_id AND u.is_active
    RETURNING s.generation, session_json(s)::text AS session, u.email, u.display_name
"""
_STATE = "SELECT generation, device_id::text, revoked_at IS NULL AS good FROM sessions WHERE id = $1 AND user_id = $2"
_END = """
    WITH ended AS (
        UPDATE sessions SET revoked_at = coalesce(revoked_at, now()), revoked_because = coalesce(revoked_because, $3)
        WHERE id = $1 AND user_id = $2
        RETURNING id, user_id
    ), audited AS (
        INSERT INTO security_audit_log (user_id, event, detail)
        SELECT user_id, $3, json_build_object('session_id', id) FROM ended
    )
    SELECT id::text FROM ended
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A session that has begun: its id, and the rows as JSON text."""

    session_id: str
    user: str
    device: str
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """A session that goes on with the ``generation``-th refresh token."""

    generation: int
    session: str
    email: str
    display_name: str | None


async def good_session(database: Database, session_id: str, user_id: str) -> str | None:
    """Return the device of a session that is good, None when it is not."""
    device_id = await database.value(_GOOD, session_id, user_id)
    return None if device_id is None else str(device_id)


async def start_session(
    database: Database, checked: Credentials, device: DeviceForm, *, device_id: str | None, lifetime_s: float
) -> Started | None:
    """Begin a session at a device, known or new; None when the password has changed since it was checked."""
    row = await database.row(
        _START,
        checked.user_id,
        checked.password_hash,
        device_id,
        device.name,
        device.kind,
        device.platform,
        device.capabilities,
        device.fingerprint,
        lifetime_s,
    )
    if row is None:
        return None
    return Started(session_id=row["session_id"], user=row["owner"], device=row["device"], session=row["session"])


async def rotate_session(
    database: Database, claims: RefreshClaims, device_id: str, lifetime_s: float
) -> Rotated | None:
    """Exchange the refresh token of a session; None when it was used before, which only a thief or a victim does.

    Raises:
        ApiError: 401, the session has ended (``TOKEN_REVOKED``) or belongs to another device (``INVALID_TOKEN``).
    """
    which = (claims.session_id, claims.user_id)
    row = await database.row(_ROTATE, *which, claims.generation, device_id, lifetime_s)
    if row is not None:
        return Rotated(
            generation=row["generation"],
            session=row["session"],
            email=row["email"],
            display_name=row["display_name"],
        )
    state = await database.row(_STATE, *which)
    if state is None or not state["good"]:
        raise ApiError(401, "TOKEN_REVOKED", "The session has ended")
    if state["generation"] > claims.generation:
        return None
    raise ApiError(401, "INVALID_TOKEN", "The refresh token belongs to another device")


async def end_session(database: Database, session_id: str, user_id: str, because: str) -> bool:
    """End a session of a user; False when there is no such session."""
    return await database.value(_END, session_id, user_id, because) is not None
