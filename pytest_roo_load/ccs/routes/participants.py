"""Participants of a conversation: listed, added, given another role, removed."""

from __future__ import annotations

from aiohttp import web

from pytest_roo_load.ccs.data.participants import (
    ROLES,
    add_participant,
    change_role,
    list_participants,
    remove_participant,
)
from pytest_roo_load.ccs.envelope import success, success_page
from pytest_roo_load.ccs.identity import authenticate
from pytest_roo_load.ccs.json_body import read_object
from pytest_roo_load.ccs.routes.paths import path_id
from pytest_roo_load.ccs.services import SERVICES
from pytest_roo_load.ccs.validation import Form


async def participants(request: web.Request) -> web.Response:
    """List them, in the order of joining."""
    identity = await authenticate(request)
    form = Form(request.query)
    page = form.page()
    form.check()
    total, rows = await list_participants(request.app[SERVICES].database, path_id(request), identity.user_id, page)
    return success_page(page, total=total, participants=rows)


async def add(request: web.Request) -> web.Response:
    """Add a user as participant or viewer; only the owner may."""
    identity = await authenticate(request)
    conversation_id = path_id(request)
    form = Form(await read_object(request))
    user_id, role = form.uuid("user_id"), form.choice("role", ROLES, default=ROLES[0])
    form.check()
    database = request.app[SERVICES].database
    return success(201, participant=await add_participant(database, conversation_id, identity.user_id, user_id, role))


async def change(request: web.Request) -> web.Response:
    """Give a participant another role; only the owner may."""
    identity = await authenticate(request)
    conversation_id, user_id = path_id(request), path_id(request, "user_id")
    form = Form(await read_object(request))
    role = form.choice("role", ROLES)
    form.check()
    database = request.app[SERVICES].database
    return success(participant=await change_role(database, conversation_id, identity.user_id, user_id, role))


async def remove(request: web.Request) -> web.Response:
    """Remove a participant; the owner may remove others, and others themselves."""
    identity = await authenticate(request)
    conversation_id, user_id = path_id(request), path_id(request, "user_id")
    await remove_participant(request.app[SERVICES].database, conversation_id, identity.user_id, user_id)
    return success(removed="true")


ROUTES = (
    web.get("/conversations/{id}/participants", participants),
    web.post("/conversations/{id}/participants", add),
    web.put("/conversations/{id}/participants/{user_id}", change),
    web.delete("/conversations/{id}/participants/{user_id}", remove),
)
