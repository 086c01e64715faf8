"""Conversations and who takes part in them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import Problem, forbidden, invalid, not_found
from pytest_roo_load.ccs.validation import Page

OWNER, PARTICIPANT, VIEWER = "owner", "participant", "viewer"
EVERYONE = (OWNER, PARTICIPANT, VIEWER)
WRITERS = (OWNER, PARTICIPANT)
STATUSES = ("active", "archived", "all")

_CREATE = """
    WITH created AS (
        INSERT INTO conversations AS c (created_by, title, workspace_path, metadata)
        VALUES ($1, $2, $3, coalesce($4::jsonb, '{}'))
        RETURNING c.id, conversation_json(c, 'owner')::text AS body
    ), joined AS (
        INSERT INTO conversation_participants (conversation_id, user_id, role) SELECT id, $1, 'owner' FROM created
    )
    SELECT id, body FROM created
"""
_INVITE = """
    INSERT INTO conversation_participants (conversation_id, user_id, role)
    SELECT $1, u.id, wanted.role
    FROM unnest($2::uuid[], $3::text[]) AS wanted (user_id, role) JOIN users u ON u.id = wanted.user_id AND u.is_active
    ON CONFLICT DO NOTHING
    RETURNING user_id
"""
_LIST = """
    WITH mine AS (
        SELECT c AS conversation, p.role, c.created_at, c.id
        FROM conversation_participants p JOIN conversations c ON c.id = p.conversation_id
        WHERE p.user_id = $1
          AND ($2 = 'all' OR ($2 = 'active') = (c.archived_at IS NULL))
          AND ($3::text IS NULL OR c.title ILIKE $3)
    ), page AS (
        SELECT * FROM mine ORDER BY created_at DESC, id LIMIT $4 OFFSET $5
    )
    SELECT (SELECT count(*) FROM mine),
           (SELECT coalesce(json_agg(conversation_json(conversation, role) ORDER BY created_at DESC, id), '[]')::text
            FROM page)
"""
_READ = """
    SELECT p.role, CASE WHEN p.role IS NOT NULL THEN conversation_json(c, p.role)::text END AS body,
           CASE WHEN p.role IS NOT NULL THEN
               (SELECT json_agg(json_build_object('user_id', user_id, 'role', role, 'joined_at', joined_at)
                                ORDER BY joined_at, user_id)::text
                FROM conversation_participants WHERE conversation_id = c.id)
           END AS participants
    FROM conversations c LEFT JOIN conversation_participants p ON p.conversation_id = c.id AND p.user_id = $2
    WHERE c.id = $1
"""
_ACCESS = """
    WITH access AS (
        SELECT c.id, p.role
        FROM conversations c LEFT JOIN conversation_participants p ON p.conversation_id = c.id AND p.user_id = $2
        WHERE c.id = $1
    ), changed AS (
        UPDATE conversations c SET {change}, updated_at = now()
        FROM access WHERE c.id = access.id AND access.role = ANY({roles})
        RETURNING conversation_json(c, access.role)::text AS body
    )
    SELECT access.role, (SELECT body FROM changed) AS body FROM access
"""
_UPDATE = _ACCESS.format(
    change="title = coalesce($3, title), workspace_path = coalesce($4, workspace_path), "
    "metadata = coalesce($5::jsonb, metadata)",
    roles="ARRAY['owner', 'participant']",
)
_ARCHIVE = _ACCESS.format(change="archived_at = coalesce(archived_at, now())", roles="ARRAY['owner']")
_RESTORE = _ACCESS.format(change="archived_at = NULL", roles="ARRAY['owner']")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationForm:
    """What a client says of a conversation; ``metadata`` is JSON text, ``roles`` maps invited users to their roles."""

    title: str | None
    workspace_path: str | None
    metadata: str | None
    roles: dict[str, str] = field(default_factory=dict)


async def create_conversation(database: Database, user_id: str, form: ConversationForm) -> str:
    """Create a conversation owned by a user, with those invited in it, and return it."""
    values = (user_id, form.title, form.workspace_path, form.metadata)
    if not form.roles:
        return str((await database.row(_CREATE, *values))["body"])
    async with database.transaction() as connection:
        created = await connection.fetchrow(_CREATE, *values)
        invited = {user: role for user, role in form.roles.items() if user != user_id}
        joined = await connection.fetch(_INVITE, created["id"], list(invited), list(invited.values()))
        if len(joined) != len(invited):
            raise invalid(Problem(field="participants", message="names a user that does not exist", code="NOT_FOUND"))
        return str(created["body"])


async def list_conversations(
    database: Database, user_id: str, page: Page, *, status: str, pattern: str | None
) -> tuple[int, str]:
    """Return how many conversations a user takes part in and one page of them, newest first."""
    total, body = await database.row(_LIST, user_id, status, pattern, page.limit, page.offset)
    return total, body


async def read_conversation(database: Database, conversation_id: str, user_id: str) -> tuple[str, str]:
    """Return a conversation and its participants; raises 403 or 404."""
    row = permitted(await database.row(_READ, conversation_id, user_id), EVERYONE)
    return row["body"], row["participants"]


async def update_conversation(database: Database, conversation_id: str, user_id: str, form: ConversationForm) -> str:
    """Change what is not None and return the conversation; raises 403 or 404."""
    values = (form.title, form.workspace_path, form.metadata)
    return str(permitted(await database.row(_UPDATE, conversation_id, user_id, *values), WRITERS)["body"])


async def archive_conversation(database: Database, conversation_id: str, user_id: str) -> str:
    """Archive a conversation and return it; raises 403 unless by its owner, or 404."""
    return str(permitted(await database.row(_ARCHIVE, conversation_id, user_id), (OWNER,))["body"])


async def restore_conversation(database: Database, conversation_id: str, user_id: str) -> str:
    """Undo `archive_conversation`."""
    return str(permitted(await database.row(_RESTORE, conversation_id, user_id), (OWNER,))["body"])


def permitted(row: Any, roles: Collection[str], noun: str = "conversation") -> Any:
    """Return ``row`` if its column ``role`` is one of ``roles``; raises 404 without a row, else 403."""
    if row is None:
        raise not_found(noun)
    if row["role"] is None:
        raise forbidden("Only participants may do this")
    if row["role"] not in roles:
        raise forbidden(f"A {row['role']} of the conversation may not do this")
    return row
