"""Conversations: created, listed, changed, archived, restored."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from pytest_roo_load.ccs.data.conversations import (
    PARTICIPANT,
    STATUSES,
    VIEWER,
    ConversationForm,
    archive_conversation,
    create_conversation,
    list_conversations,
    read_conversation,
    restore_conversation,
    update_conversation,
)
from pytest_roo_load.ccs.envelope import dumps, success, success_page
from pytest_roo_load.ccs.identity import authenticate
from pytest_roo_load.ccs.json_body import read_object
from pytest_roo_load.ccs.routes.paths import path_id
from pytest_roo_load.ccs.services import SERVICES
from pytest_roo_load.ccs.validation import Form, is_uuid, pattern_of

_MAX_TITLE = 200
_MAX_PATH = 4096
_MAX_SEARCH = 200
_MAX_INVITED = 100


async def create(request: web.Request) -> web.Response:
    """Create a conversation, with other users in it where ``participants`` lists ``{user_id, role}``."""
    identity = await authenticate(request)
    body = await read_object(request)
    form = Form(body)
    roles = _take_roles(form, body.get("participants"))
    conversation = _take_conversation(form, roles)
    form.check()
    created = await create_conversation(request.app[SERVICES].database, identity.user_id, conversation)
    return success(201, conversation=created)


async def conversations(request: web.Request) -> web.Response:
    """List the conversations the user takes part in, newest first; ``status`` is active, archived or all."""
    identity = await authenticate(request)
    form = Form(request.query)
    page = form.page()
    status = form.choice("status", STATUSES, default="active")
    pattern = pattern_of(form.text_or_none("search", longest=_MAX_SEARCH))
    form.check()
    total, rows = await list_conversations(
        request.app[SERVICES].database, identity.user_id, page, status=status, pattern=pattern
    )
    return success_page(page, total=total, conversations=rows)


async def read(request: web.Request) -> web.Response:
    """Answer one conversation and its participants."""
    identity = await authenticate(request)
    database = request.app[SERVICES].database
    conversation, participants = await read_conversation(database, path_id(request), identity.user_id)
    return success(conversation=conversation, participants=participants)


async def update(request: web.Request) -> web.Response:
    """Change title, workspace path or metadata; what is absent stays."""
    identity = await authenticate(request)
    conversation_id = path_id(request)
    form = Form(await read_object(request))
    changes = _take_conversation(form, {})
    form.check()
    database = request.app[SERVICES].database
    return success(conversation=await update_conversation(database, conversation_id, identity.user_id, changes))


async def archive(request: web.Request) -> web.Response:
    """Archive a conversation: it leaves the list and takes no more messages."""
    identity = await authenticate(request)
    database = request.app[SERVICES].database
    return success(conversation=await archive_conversation(database, path_id(request), identity.user_id))


async def restore(request: web.Request) -> web.Response:
    """Undo `archive`."""
    identity = await authenticate(request)
    database = request.app[SERVICES].database
    return success(conversation=await restore_conversation(database, path_id(request), identity.user_id))


ROUTES = (
    web.post("/conversations", create),
    web.get("/conversations", conversations),
    web.get("/conversations/{id}", read),
    web.put("/conversations/{id}", update),
    web.delete("/conversations/{id}", archive),
    web.post("/conversations/{id}/restore", restore),
)


def _take_conversation(form: Form, roles: dict[str, str]) -> ConversationForm:
    metadata = form.mapping_or_none("metadata")
    return ConversationForm(
        title=form.text_or_none("title", longest=_MAX_TITLE),
        workspace_path=form.text_or_none("workspace_path", longest=_MAX_PATH),
        metadata=None if metadata is None else dumps(metadata),
        roles=roles,
    )


def _take_roles(form: Form, wanted: Any) -> dict[str, str]:
    if wanted is None:
        return {}
    if not isinstance(wanted, list) or len(wanted) > _MAX_INVITED:
        form.problem("participants", f"must be a list of at most {_MAX_INVITED}", "INVALID_TYPE")
        return {}
    roles: dict[str, str] = {}
    for item in wanted:
        match item:
            case {"user_id": user_id, "role": "participant" | "viewer" as role} if is_uuid(user_id):
                roles[user_id.lower()] = role
            case _:
                form.problem("participants", f"needs user_id and role {PARTICIPANT} or {VIEWER}", "INVALID_VALUE")
                break
    return roles
