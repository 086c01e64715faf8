"""The route ``/ws``: from an HTTP request to a `Connection` that a `Visit` hears."""

from __future__ import annotations

import asyncio

from aiohttp import web

from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.request_id import request_id
from pytest_roo_load.ccs.services import SERVICES, Services
from pytest_roo_load.ccs.websocket.connection import MAX_BACKLOG_BYTES, Connection
from pytest_roo_load.ccs.websocket.hub import OVERLOADED
from pytest_roo_load.ccs.websocket.visit import Claims, Visit
from pytest_roo_load.ccs.websocket.wire import accepted_key

_SCHEME = "bearer "
PATH = "/ws"


async def websocket(request: web.Request) -> web.StreamResponse:
    """Open a WebSocket. HTTP has nothing to do with it from then on, so that all it holds for it is let go."""
    services = request.app[SERVICES]
    accept = accepted_key(request.headers)
    transport = request.transport
    if accept is None or request.method != "GET":
        raise ApiError(426, "UPGRADE_REQUIRED", "This is a WebSocket", headers={"Upgrade": "websocket"})
    if transport is None:
        raise ConnectionResetError("the client has gone")
    transport.write(_switching(services, request, accept))
    connection = Connection(transport, asyncio.get_running_loop(), services.hub.outbox)
    _take_over(request, transport, connection)
    if services.hub.full:
        connection.end(OVERLOADED)
    else:
        services.hub.opened(connection)
        visit = Visit(services, connection, _claims(request))
        connection.listener = visit
        visit.begin()
    return web.StreamResponse(status=101)


ROUTES = (web.get(PATH, websocket),)


def _take_over(request: web.Request, transport: asyncio.Transport, connection: Connection) -> None:
    """Have the transport speak to ``connection``, and aiohttp believe that its client has gone."""
    http = request.protocol
    transport.set_protocol(connection)
    transport.set_write_buffer_limits(MAX_BACKLOG_BYTES)
    http.transport = None
    http.connection_lost(None)


def _switching(services: Services, request: web.Request, accept: str) -> bytes:
    known = request_id(request)
    echo = "" if known is None else f"X-Request-ID: {known}\r\n"
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\nX-Instance-ID: {services.settings.instance_id}\r\n{echo}\r\n"
    ).encode()


def _claims(request: web.Request) -> Claims:
    query = request.query
    header = request.headers.get("Authorization", "")
    bearer = header[: len(_SCHEME)].lower() == _SCHEME
    token = header[len(_SCHEME) :].strip() if bearer else query.get("token", "")
    return Claims(token, query.get("userId"), query.get("deviceId"))
