"""What happens around every request: errors become answers, large answers are compressed, everything is counted."""

from __future__ import annotations

import logging
import re
import zlib
from collections.abc import Awaitable, Callable
from time import perf_counter

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from pytest_roo_load.ccs.envelope import failure, from_http
from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.identity import user_of
from pytest_roo_load.ccs.protection.guard import ADDRESS, address_of, count, standing_of
from pytest_roo_load.ccs.protection.overload import Gate, exhaustion
from pytest_roo_load.ccs.request_id import request_id
from pytest_roo_load.ccs.services import Services
from pytest_roo_load.ccs.websocket.endpoint import PATH as WEBSOCKET_PATH

UNMATCHED = "(unmatched)"
_COMPRESS_ABOVE = 1024
_GZIP_LEVEL, _GZIP_WINDOW = 1, 31  # fast; 31 is zlib's code for the gzip format with the largest window
_SWITCHING, _FORBIDDEN = 101, 403
# Whoever watches over the server has to see it when it is busy, too.
_OPEN_FOR_ALL = ("/health", "/metrics")

Stamp = Callable[[web.Request, web.StreamResponse], Awaitable[None]]

log = logging.getLogger("ccs.http")


def serve(services: Services) -> Middleware:
    """Return the one middleware of the server."""
    routes = _RouteNames()

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer one request, whatever happens, and count it."""
        started = perf_counter()
        response = await _answer(services, request, handler)
        if response.status == _SWITCHING:
            services.metrics.requests[request.method, routes.name(request), _SWITCHING] += 1
            return response
        if isinstance(response, web.Response):
            _compress(request, response)
        services.metrics.request(_method(request), routes.name(request), response.status, perf_counter() - started)
        return response

    return around


def stamp(instance_id: str, gate: Gate) -> Stamp:
    """Return the hook that puts our headers on every answer, also on those that never reach a handler."""

    async def hook(request: web.Request, response: web.StreamResponse) -> None:
        """Add them."""
        response.headers["X-Instance-ID"] = instance_id
        known = request_id(request)
        if known is not None:
            response.headers["X-Request-ID"] = known
        standing = standing_of(request)
        if standing is not None:
            response.headers.update(standing.headers)
        if gate.draining:
            response.headers["Connection"] = "close"
        if response.headers.get("Connection") == "close":
            response.force_close()

    return hook


async def _answer(services: Services, request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await _admitted(services, request, handler)
    except ApiError as error:
        if error.status == _FORBIDDEN:
            services.audit.note("permission denied", user_of(request), method=request.method, path=request.path)
        return failure(error)
    except web.HTTPException as error:
        return failure(from_http(error))
    except Exception as error:
        exhausted = exhaustion(error)
        if exhausted is None:
            log.exception("%s %s failed", request.method, request.path)
        return failure(exhausted or ApiError(500, "INTERNAL_ERROR", "Internal error"))


async def _admitted(services: Services, request: web.Request, handler: Handler) -> web.StreamResponse:
    path = request.path
    if path.startswith(_OPEN_FOR_ALL):
        return await handler(request)
    gate = services.gate
    if path == WEBSOCKET_PATH:
        gate.look_for_descriptors()
    gate.refuse_if_full()
    await count(request, services.rates, ADDRESS, address_of(request))
    if path == WEBSOCKET_PATH:  # it may last for hours
        return await handler(request)
    gate.in_flight += 1
    try:
        return await handler(request)
    finally:
        gate.in_flight -= 1


def _compress(request: web.Request, response: web.Response) -> None:
    body = response.body
    if not isinstance(body, bytes) or len(body) <= _COMPRESS_ABOVE:
        return
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return
    response.body = zlib.compress(body, _GZIP_LEVEL, _GZIP_WINDOW)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"


def _method(request: web.Request) -> str:
    # Anyone may invent methods; a label must not.
    return request.method if request.method in _METHODS else "(other)"


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _RouteNames:
    """The route template of a request, written as in the contract: ``/api/v1/messages/:id``."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, request: web.Request) -> str:
        """Return the name of the route that a request matched."""
        resource = request.match_info.route.resource
        if resource is None:
            return UNMATCHED
        canonical = resource.canonical
        name = self._names.get(canonical)
        if name is None:
            name = self._names[canonical] = re.sub(r"{(\w+)}", r":\1", canonical)
        return name
