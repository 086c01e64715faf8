"""Who is asking: from the ``Authorization`` header to a session that is still good."""

from __future__ import annotations

import time

from aiohttp import web

from pytest_roo_load.ccs.errors import ApiError, TokenError, TokenExpiredError
from pytest_roo_load.ccs.protection.guard import USER, count
from pytest_roo_load.ccs.services import SERVICES, Services
from pytest_roo_load.ccs.sessions import Identity
from pytest_roo_load.ccs.tokens import AccessClaims

_SCHEME = "bearer "
_USER = "user"


async def authenticate(request: web.Request) -> Identity:
    """Return who sent a request.

    Raises:
        ApiError: 401 ``UNAUTHORIZED``, ``INVALID_TOKEN``, ``TOKEN_EXPIRED`` or ``TOKEN_REVOKED``; 429.
    """
    header = request.headers.get("Authorization", "")
    if header[: len(_SCHEME)].lower() != _SCHEME:
        raise ApiError(401, "UNAUTHORIZED", "An access token is required", headers={"WWW-Authenticate": "Bearer"})
    services = request.app[SERVICES]
    identity = await identify(services, header[len(_SCHEME) :].strip())
    request[_USER] = identity.user_id
    await count(request, services.rates, USER, identity.user_id)
    return identity


def user_of(request: web.Request) -> str | None:
    """Return the user whom `authenticate` has found; None before."""
    return request.get(_USER)


async def identify(services: Services, token: str) -> Identity:
    """Return whose access token this is; raises as `authenticate` does."""
    claims = read_claims(services, token)
    return await services.sessions.check(claims.session_id, claims.user_id)


def read_claims(services: Services, token: str) -> AccessClaims:
    """Return what an access token says, whether or not its session has been revoked."""
    try:
        return services.tokens.read_access(token, now=time.time())
    except TokenError as error:
        raise token_refused(error) from error


def token_refused(error: TokenError) -> ApiError:
    """Return the 401 answer for a token."""
    code = "TOKEN_EXPIRED" if isinstance(error, TokenExpiredError) else "INVALID_TOKEN"
    return ApiError(401, code, "The token has expired" if code == "TOKEN_EXPIRED" else "The token is not valid")
