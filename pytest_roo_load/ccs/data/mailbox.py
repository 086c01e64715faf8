"""Queues of devices that are not connected: higher priorities first, inside of one the order of arrival."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.websocket.protocol import Frame

# The device's row is locked, so that its queue is counted and filled by one at a time.
_KEEP = """
    WITH device AS (
        SELECT id FROM devices WHERE id = $1 AND user_id = $2 FOR UPDATE
    ), room AS (
        SELECT id, $6 > (
            SELECT count(*) FROM queued_frames q WHERE q.device_id = device.id AND expires_at > now()) AS free
        FROM device
    ), kept AS (
        INSERT INTO queued_frames (device_id, message_id, priority, frame, expires_at)
        SELECT id, $3, $4, $5, now() + make_interval(secs => $7) FROM room WHERE free
        ON CONFLICT (device_id, message_id) DO NOTHING
    )
    SELECT free OR EXISTS (SELECT FROM queued_frames q WHERE q.device_id = $1 AND q.message_id = $3) FROM room
"""
_WAITING = """
    SELECT id, message_id, frame FROM queued_frames
    WHERE device_id = $1 AND expires_at > now() AND NOT id = ANY($2::bigint[])
    ORDER BY priority DESC, id LIMIT $3
"""
_FORGET = "DELETE FROM queued_frames WHERE device_id = $1 AND message_id = ANY($2::text[])"
_EXPIRE = "DELETE FROM queued_frames WHERE expires_at <= now()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many frames a device's queue takes, and for how long."""

    frames: int
    lifetime_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A frame that waits."""

    number: int
    message_id: str
    data: bytes


async def keep_frame(database: Database, frame: Frame, room: Room) -> bool | None:
    """Keep a frame for its device; False when the queue is full, None when the user has no such device."""
    values = (frame.id, frame.priority, frame.data, room.frames, room.lifetime_s)
    kept: bool | None = await database.value(_KEEP, frame.to_device, frame.user_id, *values)
    return kept


async def waiting_frames(database: Database, device_id: str, but: Collection[int], most: int) -> list[Letter]:
    """Return the next frames of a device's queue, without those that are numbered in ``but``."""
    rows = await database.rows(_WAITING, device_id, list(but), most)
    return [Letter(number=row["id"], message_id=row["message_id"], data=bytes(row["frame"])) for row in rows]


async def forget_frames(database: Database, device_id: str, message_ids: Sequence[str]) -> None:
    """Take frames out of a device's queue."""
    await database.row(_FORGET, device_id, message_ids)


async def expire_frames(database: Database) -> None:
    """Drop what has waited for too long."""
    await database.row(_EXPIRE)
