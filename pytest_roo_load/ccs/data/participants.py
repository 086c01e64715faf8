"""Who takes part in a conversation, as what, and who may change that: its owner, and everyone about leaving."""

from __future__ import annotations

from pytest_roo_load.ccs.data.conversations import EVERYONE, OWNER, permitted
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import ApiError, forbidden, not_found
from pytest_roo_load.ccs.validation import Page

ROLES = ("participant", "viewer")

_ROLE = """
    SELECT p.role FROM conversations c
    LEFT JOIN conversation_participants p ON p.conversation_id = c.id AND p.user_id = $2
    WHERE c.id = $1
"""
_LIST = """
    WITH page AS (
        SELECT p.user_id, p.role, p.joined_at, u.display_name
        FROM conversation_participants p JOIN users u ON u.id = p.user_id
        WHERE p.conversation_id = $1 ORDER BY p.joined_at, p.user_id LIMIT $2 OFFSET $3
    )
    SELECT (SELECT count(*) FROM conversation_participants WHERE conversation_id = $1),
           (SELECT coalesce(json_agg(page ORDER BY joined_at, user_id), '[]')::text FROM page)
"""
_ADD = """
    WITH wanted AS (
        SELECT id FROM users WHERE id = $2 AND is_active
    ), added AS (
        INSERT INTO conversation_participants AS p (conversation_id, user_id, role) SELECT $1, id, $3 FROM wanted
        ON CONFLICT DO NOTHING
        RETURNING json_build_object('user_id', p.user_id, 'role', p.role, 'joined_at', p.joined_at)::text AS body
    )
    SELECT wanted.id, (SELECT body FROM added) AS body FROM wanted
"""
_CHANGE = """
    UPDATE conversation_participants p SET role = $3 WHERE conversation_id = $1 AND user_id = $2
    RETURNING json_build_object('user_id', p.user_id, 'role', p.role, 'joined_at', p.joined_at)::text
"""
_REMOVE = "DELETE FROM conversation_participants WHERE conversation_id = $1 AND user_id = $2 RETURNING role"


async def list_participants(database: Database, conversation_id: str, user_id: str, page: Page) -> tuple[int, str]:
    """Return how many take part and one page of them, in the order of joining; raises 403 or 404."""
    permitted(await database.row(_ROLE, conversation_id, user_id), EVERYONE)
    total, body = await database.row(_LIST, conversation_id, page.limit, page.offset)
    return total, body


async def add_participant(database: Database, conversation_id: str, owner_id: str, user_id: str, role: str) -> str:
    """Add a user and return the participant; raises 403 unless by the owner, 404, or 409 ``PARTICIPANT_EXISTS``."""
    permitted(await database.row(_ROLE, conversation_id, owner_id), (OWNER,))
    row = await database.row(_ADD, conversation_id, user_id, role)
    if row is None:
        raise not_found("user")
    if row["body"] is None:
        raise ApiError(409, "PARTICIPANT_EXISTS", "The user takes part already")
    return str(row["body"])


async def change_role(database: Database, conversation_id: str, owner_id: str, user_id: str, role: str) -> str:
    """Change what a participant may do and return the participant; raises 403 unless by the owner, or 404."""
    permitted(await database.row(_ROLE, conversation_id, owner_id), (OWNER,))
    if user_id == owner_id:
        raise forbidden("A conversation keeps its owner")
    body = await database.value(_CHANGE, conversation_id, user_id, role)
    if body is None:
        raise not_found("participant")
    return str(body)


async def remove_participant(database: Database, conversation_id: str, by_id: str, user_id: str) -> None:
    """Remove a participant, or leave; raises 403, also for the owner, who cannot leave, or 404."""
    permitted(await database.row(_ROLE, conversation_id, by_id), EVERYONE if by_id == user_id else (OWNER,))
    owner = await database.row(_ROLE, conversation_id, user_id)
    if owner is not None and owner["role"] == OWNER:
        raise forbidden("A conversation keeps its owner")
    if await database.value(_REMOVE, conversation_id, user_id) is None:
        raise not_found("participant")
