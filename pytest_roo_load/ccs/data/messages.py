"""Messages of conversations.

A conversation numbers its messages 1, 2, 3, ...; posting locks the conversation's row, so the numbers follow the order
of commit and a list that is read by offset neither skips nor repeats what was posted meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pytest_roo_load.ccs.data.conversations import EVERYONE, OWNER, WRITERS, permitted
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import ApiError, Problem, forbidden, invalid, not_found
from pytest_roo_load.ccs.validation import Page

MESSAGE_TYPES = ("user_message", "assistant_message", "system_message")

_POST = """
    WITH access AS (
        SELECT c.id, c.archived_at IS NOT NULL AS archived, p.role,
               $6::uuid IS NULL OR EXISTS (
                   SELECT FROM messages WHERE id = $6 AND conversation_id = $1 AND deleted_at IS NULL) AS has_parent
        FROM conversations c LEFT JOIN conversation_participants p ON p.conversation_id = c.id AND p.user_id = $2
        WHERE c.id = $1
    ), bumped AS (
        UPDATE conversations c
        SET message_count = message_count + 1, last_sequence = last_sequence + 1,
            last_message_at = clock_timestamp(), updated_at = clock_timestamp()
        FROM access a
        WHERE c.id = a.id AND a.role IN ('owner', 'participant') AND c.archived_at IS NULL AND a.has_parent
        RETURNING c.id, c.last_sequence, c.last_message_at
    ), posted AS (
        INSERT INTO messages AS m
            (conversation_id, sequence, sender_id, message_type, content, metadata, parent_id, created_at, updated_at)
        SELECT id, last_sequence, $2, $3, $4::jsonb, coalesce($5::jsonb, '{}'), $6, last_message_at, last_message_at
        FROM bumped
        RETURNING message_json(m)::text AS body
    )
    SELECT access.role, access.archived, access.has_parent, (SELECT body FROM posted) AS body FROM access
"""
_LIST = """
    SELECT p.role, c.message_count AS total, CASE WHEN p.role IS NOT NULL THEN (
        SELECT coalesce(json_agg(message_json(m) ORDER BY m.sequence), '[]')::text FROM (
            SELECT * FROM messages
            WHERE conversation_id = c.id AND deleted_at IS NULL
            ORDER BY sequence LIMIT $3 OFFSET $4
        ) m) END AS body
    FROM conversations c LEFT JOIN conversation_participants p ON p.conversation_id = c.id AND p.user_id = $2
    WHERE c.id = $1
"""
_LIST_SOME = """
    WITH access AS (
        SELECT c.id, p.role
        FROM conversations c LEFT JOIN conversation_participants p ON p.conversation_id = c.id AND p.user_id = $2
        WHERE c.id = $1
    ), wanted AS (
        SELECT m AS message, m.sequence
        FROM access a JOIN messages m ON m.conversation_id = a.id
        WHERE a.role IS NOT NULL AND m.deleted_at IS NULL
          AND ($5::timestamptz IS NULL OR m.created_at >= $5)
          AND ($6::timestamptz IS NULL OR m.created_at < $6)
          AND ($7::text IS NULL OR (m.content #>> '{}') ILIKE $7)
    ), page AS (
        SELECT * FROM wanted ORDER BY sequence LIMIT $3 OFFSET $4
    )
    SELECT access.role, (SELECT count(*) FROM wanted) AS total,
           (SELECT coalesce(json_agg(message_json(message) ORDER BY sequence), '[]')::text FROM page) AS body
    FROM access
"""
_SEARCH = """
    WITH found AS (
        SELECT m AS message, m.created_at, m.id
        FROM conversation_participants p JOIN messages m ON m.conversation_id = p.conversation_id
        WHERE p.user_id = $1 AND m.deleted_at IS NULL AND (m.content #>> '{}') ILIKE $2
    ), page AS (
        SELECT * FROM found ORDER BY created_at DESC, id LIMIT $3 OFFSET $4
    )
    SELECT (SELECT count(*) FROM found),
           (SELECT coalesce(json_agg(message_json(message) ORDER BY created_at DESC, id), '[]')::text FROM page)
"""
_CHANGES = """
    WITH page AS (
        SELECT change, changed_by, content_before, changed_at, id FROM message_changes
        WHERE message_id = $1 ORDER BY id LIMIT $2 OFFSET $3
    )
    SELECT (SELECT count(*) FROM message_changes WHERE message_id = $1),
           (SELECT coalesce(json_agg(json_build_object('change', change, 'changed_by', changed_by, 'content_before',
                                     content_before, 'changed_at', changed_at) ORDER BY id), '[]')::text FROM page)
"""
_READ = """
    SELECT p.role, message_json(m)::text AS body
    FROM messages m
    LEFT JOIN conversation_participants p ON p.conversation_id = m.conversation_id AND p.user_id = $2
    WHERE m.id = $1 AND m.deleted_at IS NULL
"""
_EDIT = """
    WITH access AS (
        SELECT m.id, m.content, m.sender_id = $2 AS own, p.role
        FROM messages m
        LEFT JOIN conversation_participants p ON p.conversation_id = m.conversation_id AND p.user_id = $2
        WHERE m.id = $1 AND m.deleted_at IS NULL
    ), edited AS (
        UPDATE messages m
        SET content = coalesce($3::jsonb, m.content), metadata = coalesce($4::jsonb, m.metadata),
            updated_at = clock_timestamp()
        FROM access a WHERE m.id = a.id AND a.own AND a.role IN ('owner', 'participant') AND m.deleted_at IS NULL
        RETURNING m.id, message_json(m)::text AS body
    ), logged AS (
        INSERT INTO message_changes (message_id, changed_by, change, content_before)
        SELECT access.id, $2, 'edited', access.content FROM access JOIN edited USING (id)
    )
    SELECT access.role, access.own, (SELECT body FROM edited) AS body FROM access
"""
_DELETE = """
    WITH access AS (
        SELECT m.id, m.conversation_id, m.content, m.sender_id = $2 AS own, p.role
        FROM messages m
        LEFT JOIN conversation_participants p ON p.conversation_id = m.conversation_id AND p.user_id = $2
        WHERE m.id = $1 AND m.deleted_at IS NULL
    ), deleted AS (
        UPDATE messages m SET deleted_at = clock_timestamp()
        FROM access a
        WHERE m.id = a.id AND m.deleted_at IS NULL AND (a.role = 'owner' OR (a.own AND a.role = 'participant'))
        RETURNING m.id, m.conversation_id
    ), counted AS (
        UPDATE conversations c SET message_count = message_count - 1 FROM deleted d WHERE c.id = d.conversation_id
    ), logged AS (
        INSERT INTO message_changes (message_id, changed_by, change, content_before)
        SELECT access.id, $2, 'deleted', access.content FROM access JOIN deleted USING (id)
    )
    SELECT access.role, access.own, (SELECT id::text FROM deleted) AS body FROM access
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageForm:
    """A message as a client sends it; ``content`` and ``metadata`` are JSON text."""

    content: str
    kind: str
    metadata: str | None
    parent_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages of a conversation are wanted: ``since`` inclusive, ``until`` exclusive, ``pattern`` for ILIKE."""

    since: datetime | None = None
    until: datetime | None = None
    pattern: str | None = None


async def post_message(database: Database, conversation_id: str, user_id: str, form: MessageForm) -> str:
    """Add a message to a conversation and return it; raises 400, 403, 404, or 409 when it is archived."""
    values = (form.kind, form.content, form.metadata, form.parent_id)
    row = permitted(await database.row(_POST, conversation_id, user_id, *values), WRITERS)
    if row["body"] is not None:
        return str(row["body"])
    if not row["has_parent"]:
        problem = Problem(field="parent_message_id", message="is not in this conversation", code="NOT_FOUND")
        raise invalid(problem)
    raise ApiError(409, "CONVERSATION_ARCHIVED", "The conversation is archived")


async def list_messages(
    database: Database, conversation_id: str, user_id: str, page: Page, wanted: MessageFilter
) -> tuple[int, str]:
    """Return how many messages are wanted and one page of them, oldest first; raises 403 or 404."""
    values: tuple[Any, ...] = (conversation_id, user_id, page.limit, page.offset)
    if wanted == MessageFilter():
        row = await database.row(_LIST, *values)
    else:
        row = await database.row(_LIST_SOME, *values, wanted.since, wanted.until, wanted.pattern)
    permitted(row, EVERYONE)
    return row["total"], row["body"]


async def search_messages(database: Database, user_id: str, page: Page, pattern: str) -> tuple[int, str]:
    """Return how many messages of the user's conversations match and one page of them, newest first."""
    total, body = await database.row(_SEARCH, user_id, pattern, page.limit, page.offset)
    return total, body


async def read_message(database: Database, message_id: str, user_id: str) -> str:
    """Return a message; raises 403 or 404."""
    return str(permitted(await database.row(_READ, message_id, user_id), EVERYONE, "message")["body"])


async def list_changes(database: Database, message_id: str, user_id: str, page: Page) -> tuple[int, str]:
    """Return how often a message was edited and one page of what it was before, oldest first; raises 403 or 404."""
    await read_message(database, message_id, user_id)
    total, body = await database.row(_CHANGES, message_id, page.limit, page.offset)
    return total, body


async def edit_message(
    database: Database, message_id: str, user_id: str, *, content: str | None, metadata: str | None
) -> str:
    """Change what is not None, keep the old content as a change, return the message; raises 403 or 404."""
    row = permitted(await database.row(_EDIT, message_id, user_id, content, metadata), WRITERS, "message")
    return _done(row, may=row["own"])


async def delete_message(database: Database, message_id: str, user_id: str) -> str:
    """Delete a message, by its sender or the conversation's owner, and return its id; raises 403 or 404."""
    row = permitted(await database.row(_DELETE, message_id, user_id), WRITERS, "message")
    return _done(row, may=row["own"] or row["role"] == OWNER)


def _done(row: Any, *, may: bool) -> str:
    if not may:
        raise forbidden("Only the sender may do this")
    if row["body"] is None:  # somebody else deleted it between the look and the change
        raise not_found("message")
    return str(row["body"])
