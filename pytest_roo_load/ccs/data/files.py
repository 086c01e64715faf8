"""Rows of files: announced, complete, given up. The bytes are in ``files/storage``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_roo_load.ccs.data.sync import content_arrived, content_failed
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import not_found
from pytest_roo_load.ccs.validation import Page

UPLOADING, COMPLETED, FAILED, EXPIRED = "uploading", "completed", "failed", "expired"

_ANNOUNCE = """
    INSERT INTO files (id, user_id, filename, mime_type, size, sha256, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
    RETURNING expires_at
"""
_UPLOAD = """
    SELECT id::text, size, sha256, extract(epoch FROM expires_at)::float8 AS expires_at,
           CASE WHEN status = 'uploading' AND expires_at <= now() THEN 'expired' ELSE status END AS status
    FROM files WHERE id = $1 AND user_id = $2
"""
_COMPLETE = """
    UPDATE files SET status = 'completed', sha256 = $2, completed_at = now()
    WHERE id = $1 AND status = 'uploading' RETURNING id
"""
_FAIL = "UPDATE files SET status = 'failed' WHERE id = $1 AND status = 'uploading' RETURNING sha256"
_READ = "SELECT file_json(f)::text FROM files f WHERE id = $1 AND user_id = $2"
_CONTENT = """
    SELECT id::text, filename, mime_type, size, sha256, completed_at FROM files
    WHERE id = $1 AND user_id = $2 AND status = 'completed'
"""
_LIST = """
    WITH mine AS (
        SELECT f AS file, f.created_at, f.id FROM files f WHERE user_id = $1 AND status = 'completed'
    ), page AS (
        SELECT * FROM mine ORDER BY created_at DESC, id LIMIT $2 OFFSET $3
    )
    SELECT (SELECT count(*) FROM mine),
           (SELECT coalesce(json_agg(file_json(file) ORDER BY created_at DESC, id), '[]')::text FROM page)
"""
_DELETE = "DELETE FROM files WHERE id = $1 AND user_id = $2 RETURNING id::text"
_EXPIRE = "UPDATE files SET status = 'expired' WHERE status = 'uploading' AND expires_at <= now()"
_REMOVALS = "SELECT coalesce(array_agg(file_id::text), '{}') FROM (SELECT file_id FROM file_removals LIMIT $1) chosen"
_REMOVED = "DELETE FROM file_removals WHERE file_id = ANY($1::uuid[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileForm:
    """What a client announces; ``sha256`` is hexadecimal in lower case."""

    filename: str
    mime_type: str
    size_bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRow:
    """An upload session; ``expires_at`` in seconds since the epoch."""

    id: str
    size_bytes: int
    sha256: str | None
    status: str
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A complete file, to be sent."""

    id: str
    filename: str
    mime_type: str
    size_bytes: int
    sha256: str


async def announce_file(database: Database, user_id: str, file_id: str, form: FileForm, lifetime_s: float) -> Any:
    """Note that a file will arrive, and return until when it may."""
    values = (file_id, user_id, form.filename, form.mime_type, form.size_bytes, form.sha256, lifetime_s)
    return await database.value(_ANNOUNCE, *values)


async def read_upload(database: Database, user_id: str, file_id: str) -> UploadRow:
    """Return an upload session; raises 404 ``UPLOAD_NOT_FOUND``, also when it is somebody else's."""
    row = await database.row(_UPLOAD, file_id, user_id)
    if row is None:
        raise not_found("upload")
    return UploadRow(
        id=row["id"],
        size_bytes=row["size"],
        sha256=row["sha256"],
        status=row["status"],
        expires_at=row["expires_at"],
    )


async def complete_file(database: Database, user_id: str, file_id: str, sha256: str) -> list[str]:
    """Note that a file is there; return the states of paths that waited for it.

    Nothing is done when the file has ended otherwise or was noted before.
    """
    async with database.transaction() as connection:
        noted = await connection.fetchval(_COMPLETE, file_id, sha256)
        return [] if noted is None else await content_arrived(connection, user_id, file_id, sha256)


async def fail_file(database: Database, user_id: str, file_id: str) -> list[str]:
    """Give up a file that is not what was announced; its bytes will be removed. As `complete_file`."""
    async with database.transaction() as connection:
        announced = await connection.fetchval(_FAIL, file_id)
        return [] if announced is None else await content_failed(connection, user_id, announced)


async def read_file(database: Database, user_id: str, file_id: str) -> str:
    """Return a file, whatever became of it; raises 404 ``FILE_NOT_FOUND``."""
    return str(_found(await database.value(_READ, file_id, user_id)))


async def read_content(database: Database, user_id: str, file_id: str) -> Content:
    """Return what is sent of a complete file; raises 404 ``FILE_NOT_FOUND``."""
    row = _found(await database.row(_CONTENT, file_id, user_id))
    return Content(
        id=row["id"],
        filename=row["filename"],
        mime_type=row["mime_type"],
        size_bytes=row["size"],
        sha256=row["sha256"],
    )


async def list_files(database: Database, user_id: str, page: Page) -> tuple[int, str]:
    """Return how many complete files a user has and one page of them, newest first."""
    total, body = await database.row(_LIST, user_id, page.limit, page.offset)
    return total, body


async def delete_file(database: Database, user_id: str, file_id: str) -> None:
    """Delete a file, or an upload; its bytes will be removed. Raises 404 ``FILE_NOT_FOUND``."""
    _found(await database.value(_DELETE, file_id, user_id))


async def expire_uploads(database: Database) -> None:
    """Give up the uploads whose time is over."""
    await database.row(_EXPIRE)


async def removals(database: Database, most: int) -> list[str]:
    """Return files whose bytes are to be removed."""
    return list(await database.value(_REMOVALS, most))


async def removed(database: Database, file_ids: list[str]) -> None:
    """Note that their bytes are gone."""
    await database.row(_REMOVED, file_ids)


def _found(value: Any) -> Any:
    if value is None:
        raise not_found("file")
    return value
