"""Devices of users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import ApiError, not_found
from pytest_roo_load.ccs.validation import Page

DEVICE_TYPES = ("desktop", "mobile", "tablet", "web")

_LIST = """
    WITH page AS (
        SELECT d AS device, d.created_at, d.id FROM devices d WHERE user_id = $1
        ORDER BY created_at, id LIMIT $2 OFFSET $3
    )
    SELECT (SELECT count(*) FROM devices WHERE user_id = $1),
           (SELECT coalesce(json_agg(device_json(device) ORDER BY created_at, id), '[]')::text FROM page)
"""
_CREATE = """
    INSERT INTO devices AS d (user_id, device_name, device_type, platform, capabilities, fingerprint)
    VALUES ($1, $2, $3, $4, coalesce($5::jsonb, '{}'), $6)
    ON CONFLICT (user_id, fingerprint) DO NOTHING
    RETURNING device_json(d)::text
"""
_UPDATE = """
    UPDATE devices d
    SET device_name = coalesce($3, device_name), device_type = coalesce($4, device_type),
        platform = coalesce($5, platform), capabilities = coalesce($6::jsonb, capabilities), last_seen_at = now()
    WHERE id = $1 AND user_id = $2
    RETURNING device_json(d)::text
"""
# The device takes its sessions with it; their ids are returned so that their tokens die too.
_DELETE = """
    WITH gone AS (DELETE FROM devices WHERE id = $1 AND user_id = $2 RETURNING id)
    SELECT array(SELECT s.id::text FROM sessions s WHERE s.device_id = gone.id) FROM gone
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceForm:
    """What a client says of a device; ``capabilities`` is JSON text, None means not said."""

    name: str | None
    kind: str | None
    platform: str | None
    capabilities: str | None
    fingerprint: str | None = None


async def list_devices(database: Database, user_id: str, page: Page) -> tuple[int, str]:
    """Return how many devices a user has and one page of them, oldest first."""
    total, body = await database.row(_LIST, user_id, page.limit, page.offset)
    return total, body


async def create_device(database: Database, user_id: str, form: DeviceForm) -> str:
    """Create a device and return it; raises 409 ``DEVICE_EXISTS`` when the user has one with this fingerprint."""
    values = (form.name, form.kind, form.platform, form.capabilities, form.fingerprint)
    body = await database.value(_CREATE, user_id, *values)
    if body is None:
        raise ApiError(409, "DEVICE_EXISTS", "A device with this fingerprint exists already")
    return str(body)


async def update_device(database: Database, user_id: str, device_id: str, form: DeviceForm) -> str:
    """Change what is not None and return the device; raises 404 ``DEVICE_NOT_FOUND``."""
    values = (form.name, form.kind, form.platform, form.capabilities)
    return str(_found(await database.value(_UPDATE, device_id, user_id, *values)))


async def delete_device(database: Database, user_id: str, device_id: str) -> list[str]:
    """Delete a device and its sessions and return their ids; raises 404 ``DEVICE_NOT_FOUND``."""
    return list(_found(await database.value(_DELETE, device_id, user_id)))


def _found(value: Any) -> Any:
    if value is None:
        raise not_found("device")
    return value
