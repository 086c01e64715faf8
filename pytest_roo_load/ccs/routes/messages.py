"""Messages: posted, listed, searched, edited, deleted."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from pytest_roo_load.ccs.data.messages import (
    MESSAGE_TYPES,
    MessageFilter,
    MessageForm,
    delete_message,
    edit_message,
    list_changes,
    list_messages,
    post_message,
    read_message,
    search_messages,
)
from pytest_roo_load.ccs.envelope import dumps, success, success_page
from pytest_roo_load.ccs.identity import authenticate
from pytest_roo_load.ccs.json_body import read_object
from pytest_roo_load.ccs.routes.paths import path_id
from pytest_roo_load.ccs.services import SERVICES
from pytest_roo_load.ccs.validation import Form, pattern_of

_MAX_SEARCH = 200
_DEFAULT_LIMIT = 20


async def post(request: web.Request) -> web.Response:
    """Add a message to a conversation; ``content`` is text that is not empty, or a JSON object or list."""
    identity = await authenticate(request)
    conversation_id = path_id(request)
    body = await read_object(request)
    form = Form(body)
    message = MessageForm(
        content=_take_content(form, body.get("content")),
        kind=form.choice("message_type", MESSAGE_TYPES, default=MESSAGE_TYPES[0]),
        metadata=_take_metadata(form),
        parent_id=form.uuid_or_none("parent_message_id"),
    )
    form.check()
    database = request.app[SERVICES].database
    return success(201, message=await post_message(database, conversation_id, identity.user_id, message))


async def messages(request: web.Request) -> web.Response:
    """List a conversation's messages, oldest first; ``since`` is inclusive, ``until`` exclusive."""
    identity = await authenticate(request)
    conversation_id = path_id(request)
    form = Form(request.query)
    page = form.page(_DEFAULT_LIMIT)
    wanted = MessageFilter(
        since=form.moment_or_none("since"),
        until=form.moment_or_none("until"),
        pattern=pattern_of(form.text_or_none("search", longest=_MAX_SEARCH)),
    )
    form.check()
    database = request.app[SERVICES].database
    total, rows = await list_messages(database, conversation_id, identity.user_id, page, wanted)
    return success_page(page, total=total, messages=rows)


async def search(request: web.Request) -> web.Response:
    """Find text in all messages that the user may read, newest first."""
    identity = await authenticate(request)
    form = Form(request.query)
    page = form.page(_DEFAULT_LIMIT)
    pattern = pattern_of(form.text("q", longest=_MAX_SEARCH))
    form.check()
    assert pattern is not None
    total, rows = await search_messages(request.app[SERVICES].database, identity.user_id, page, pattern)
    return success_page(page, total=total, messages=rows)


async def read(request: web.Request) -> web.Response:
    """Answer one message."""
    identity = await authenticate(request)
    return success(message=await read_message(request.app[SERVICES].database, path_id(request), identity.user_id))


async def changes(request: web.Request) -> web.Response:
    """List what a message was before it was edited, oldest first."""
    identity = await authenticate(request)
    form = Form(request.query)
    page = form.page(_DEFAULT_LIMIT)
    form.check()
    total, rows = await list_changes(request.app[SERVICES].database, path_id(request), identity.user_id, page)
    return success_page(page, total=total, changes=rows)


async def edit(request: web.Request) -> web.Response:
    """Change the content or the metadata of one's own message."""
    identity = await authenticate(request)
    message_id = path_id(request)
    body = await read_object(request)
    form = Form(body)
    content = None
    if body.get("content") is not None or body.get("metadata") is None:
        content = _take_content(form, body.get("content"))
    metadata = _take_metadata(form)
    form.check()
    message = await edit_message(
        request.app[SERVICES].database, message_id, identity.user_id, content=content, metadata=metadata
    )
    return success(message=message)


async def delete(request: web.Request) -> web.Response:
    """Delete one's own message, or as the conversation's owner any."""
    identity = await authenticate(request)
    deleted = await delete_message(request.app[SERVICES].database, path_id(request), identity.user_id)
    return success(deleted="true", id=dumps(deleted))


ROUTES = (
    web.post("/conversations/{id}/messages", post),
    web.get("/conversations/{id}/messages", messages),
    web.get("/messages/search", search),
    web.get("/messages/{id}", read),
    web.get("/messages/{id}/changes", changes),
    web.put("/messages/{id}", edit),
    web.delete("/messages/{id}", delete),
)


def _take_content(form: Form, content: Any) -> str:
    if content is None:
        form.problem("content", "is required", "REQUIRED")
    elif not isinstance(content, (str, dict, list)):
        form.problem("content", "must be text, an object or a list", "INVALID_TYPE")
    elif not content:
        form.problem("content", "must not be empty", "TOO_SHORT")
    else:
        return dumps(content)
    return ""


def _take_metadata(form: Form) -> str | None:
    metadata = form.mapping_or_none("metadata")
    return None if metadata is None else dumps(metadata)
