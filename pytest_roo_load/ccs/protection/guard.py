"""Rate limits as the routes use them: who is counted, and what the answer says about it."""

from __future__ import annotations

from aiohttp import web

from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.protection.rate_limits import RateLimits, Standing

ADDRESS, USER, LOGIN, UPLOAD = "address", "user", "login", "upload"
_STANDING = "rate limit standing"
_LONGEST = 64


def address_of(request: web.Request) -> str:
    """Return the client's address: the first of ``X-Forwarded-For``, else the one that has connected."""
    forwarded = request.headers.get("X-Forwarded-For")
    if forwarded is None:
        return request.remote or "unknown"
    return forwarded.partition(",")[0].strip()[:_LONGEST]


async def count(request: web.Request, rates: RateLimits, name: str, subject: str) -> None:
    """Count a request against one limit; raises 429 beyond it. The answer tells of the tightest limit."""
    if not rates.limits(name):
        return
    try:
        standing = await rates.take(name, subject)
    except ApiError:
        request.pop(_STANDING, None)  # the refusal has the headers of the limit that was exceeded
        raise
    known: Standing | None = request.get(_STANDING)
    if known is None or standing.remaining < known.remaining:
        request[_STANDING] = standing


def standing_of(request: web.Request) -> Standing | None:
    """Return how the client stands against the tightest limit that its request counted for."""
    return request.get(_STANDING)
