"""Registering, logging in, going on, logging out."""

from __future__ import annotations

import time

from aiohttp import web

from pytest_roo_load.ccs.data.sessions import end_session, rotate_session, start_session
from pytest_roo_load.ccs.data.users import Credentials, create_user, credentials
from pytest_roo_load.ccs.envelope import dumps, success
from pytest_roo_load.ccs.errors import ApiError, TokenError, not_found
from pytest_roo_load.ccs.identity import authenticate, token_refused
from pytest_roo_load.ccs.json_body import read_object
from pytest_roo_load.ccs.protection.guard import LOGIN, address_of, count
from pytest_roo_load.ccs.routes.devices import take_device
from pytest_roo_load.ccs.services import SERVICES, Services
from pytest_roo_load.ccs.tokens import AccessClaims, RefreshClaims
from pytest_roo_load.ccs.validation import Form, is_uuid

MAX_NAME = 100
_MAX_SECRET = 128
_MAX_TOKEN = 4096


async def register(request: web.Request) -> web.Response:
    """Create a user: 201, or 409 ``USER_EXISTS``."""
    services = request.app[SERVICES]
    form = Form(await read_object(request))
    email = form.email("email")
    password = form.new_password("password")
    name = form.text_or_none("display_name", longest=MAX_NAME)
    preferences = form.mapping_or_none("preferences")
    form.check()
    password_hash = await services.passwords.hash(password)
    user = await create_user(
        services.database,
        email=email,
        password_hash=password_hash,
        name=name,
        preferences=dumps(preferences or {}),
    )
    return success(201, user=user)


async def login(request: web.Request) -> web.Response:
    """Begin a session at a device and answer its tokens, or 401 ``INVALID_CREDENTIALS``.

    A device is known again by ``X-Device-ID`` or by its fingerprint; otherwise it is a new one.
    """
    services = request.app[SERVICES]
    await count(request, services.rates, LOGIN, address_of(request))
    form = Form(await read_object(request))
    email = form.text("email", longest=_MAX_SECRET * 2).lower()
    password = form.text("password", longest=_MAX_SECRET)
    device = take_device(form)
    form.check()
    checked = await _checked(request, email, password)
    header = request.headers.get("X-Device-ID", "")
    started = await start_session(
        services.database,
        checked,
        device,
        device_id=header if is_uuid(header) else None,
        lifetime_s=services.tokens.refresh_ttl_s,
    )
    if started is None:
        raise _refused()
    access = AccessClaims(
        user_id=checked.user_id,
        email=checked.email,
        session_id=started.session_id,
        display_name=checked.display_name,
    )
    refresh = RefreshClaims(user_id=checked.user_id, session_id=started.session_id, generation=1)
    tokens = _pair(services, access, refresh)
    return success(user=started.user, session=started.session, device=started.device, **tokens)


async def refresh(request: web.Request) -> web.Response:
    """Exchange a refresh token for a new pair. One that was exchanged before ends its session."""
    services = request.app[SERVICES]
    form = Form(await read_object(request))
    token = form.text("refresh_token", longest=_MAX_TOKEN)
    device_id = form.uuid("device_id")
    form.check()
    try:
        claims = services.tokens.read_refresh(token, now=time.time())
    except TokenError as error:
        raise token_refused(error) from error
    rotated = await rotate_session(services.database, claims, device_id, services.tokens.refresh_ttl_s)
    if rotated is None:
        await _end(services, claims.session_id, claims.user_id, "refresh token used twice")
        raise ApiError(401, "TOKEN_REVOKED", "The refresh token was used before; the session has ended")
    access = AccessClaims(
        user_id=claims.user_id,
        email=rotated.email,
        session_id=claims.session_id,
        display_name=rotated.display_name,
    )
    newer = RefreshClaims(user_id=claims.user_id, session_id=claims.session_id, generation=rotated.generation)
    return success(session=rotated.session, **_pair(services, access, newer))


async def logout(request: web.Request) -> web.Response:
    """End the session of ``X-Session-ID``, by default the one that asks."""
    services = request.app[SERVICES]
    identity = await authenticate(request)
    session_id = request.headers.get("X-Session-ID", identity.session_id)
    headers = Form({"X-Session-ID": session_id})
    session_id = headers.uuid("X-Session-ID")
    headers.check()
    if not await _end(services, session_id, identity.user_id, "logged out"):
        raise not_found("session")
    return success(logged_out="true")


async def me(request: web.Request) -> web.Response:
    """Answer who is asking."""
    identity = await authenticate(request)
    return success(user=await request.app[SERVICES].user(identity.user_id))


ROUTES = (
    web.post("/auth/register", register),
    web.post("/auth/login", login),
    web.post("/auth/refresh", refresh),
    web.post("/auth/logout", logout),
    web.get("/auth/me", me),
)


async def _checked(request: web.Request, email: str, password: str) -> Credentials:
    services = request.app[SERVICES]
    found = await credentials(services.database, email)
    stored = found.password_hash if found is not None and found.is_active else None
    if not await services.passwords.matches(password, stored) or found is None:
        services.audit.note("login failed", None if found is None else found.user_id, address=address_of(request))
        raise _refused()
    return found


def _refused() -> ApiError:
    return ApiError(401, "INVALID_CREDENTIALS", "The e-mail or the password is wrong")


def _pair(services: Services, access: AccessClaims, refresh: RefreshClaims) -> dict[str, str]:
    now = time.time()
    return {
        "access_token": dumps(services.tokens.access(access, now=now)),
        "refresh_token": dumps(services.tokens.refresh(refresh, now=now)),
        "token_type": '"Bearer"',
        "expires_in": f"{services.tokens.access_ttl_s:g}",
    }


async def _end(services: Services, session_id: str, user_id: str, because: str) -> bool:
    ended = await end_session(services.database, session_id, user_id, because)
    if ended:
        await services.revoke([session_id])
    return ended
