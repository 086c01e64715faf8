"""What users keep about themselves: profile, preferences, password."""

from __future__ import annotations

from aiohttp import web

from pytest_roo_load.ccs.data.users import (
    change_password,
    merge_preferences,
    password_hash,
    read_preferences,
    update_user,
)
from pytest_roo_load.ccs.envelope import dumps, success
from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.identity import authenticate
from pytest_roo_load.ccs.json_body import read_object
from pytest_roo_load.ccs.services import SERVICES
from pytest_roo_load.ccs.validation import Form

_MAX_NAME = 100
_MAX_SECRET = 128


async def profile(request: web.Request) -> web.Response:
    """Answer the user who asks."""
    identity = await authenticate(request)
    return success(user=await request.app[SERVICES].user(identity.user_id))


async def update_profile(request: web.Request) -> web.Response:
    """Change the display name and merge the preferences."""
    identity = await authenticate(request)
    form = Form(await read_object(request))
    name = form.text_or_none("display_name", longest=_MAX_NAME)
    preferences = form.mapping_or_none("preferences")
    form.check()
    user = await update_user(
        request.app[SERVICES].database,
        identity.user_id,
        name=name,
        preferences=None if preferences is None else dumps(preferences),
    )
    return success(user=user)


async def preferences(request: web.Request) -> web.Response:
    """Answer the preferences."""
    identity = await authenticate(request)
    return success(preferences=await read_preferences(request.app[SERVICES].database, identity.user_id))


async def update_preferences(request: web.Request) -> web.Response:
    """Set the members of ``preferences`` (or of the whole body without such a member); keep the others."""
    identity = await authenticate(request)
    body = await read_object(request)
    form = Form(body)
    wanted = form.mapping_or_none("preferences")
    form.check()
    text = dumps(body if wanted is None else wanted)
    return success(preferences=await merge_preferences(request.app[SERVICES].database, identity.user_id, text))


async def replace_password(request: web.Request) -> web.Response:
    """Replace the password and end all other sessions of the user."""
    services = request.app[SERVICES]
    identity = await authenticate(request)
    form = Form(await read_object(request))
    current = form.text("current_password", longest=_MAX_SECRET)
    wanted = form.new_password("new_password")
    form.check()
    before = await password_hash(services.database, identity.user_id)
    ended = None
    if await services.passwords.matches(current, before):
        ended = await change_password(
            services.database,
            identity.user_id,
            before=before,
            after=await services.passwords.hash(wanted),
            keep_session=identity.session_id,
        )
    if ended is None:
        raise ApiError(401, "INVALID_CREDENTIALS", "The current password is wrong")
    await services.revoke(ended)
    return success(changed="true", sessions_ended=str(len(ended)))


ROUTES = (
    web.get("/users/profile", profile),
    web.put("/users/profile", update_profile),
    web.get("/users/preferences", preferences),
    web.put("/users/preferences", update_preferences),
    web.post("/users/change-password", replace_password),
)
