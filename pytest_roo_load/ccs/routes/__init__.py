"""The HTTP routes: one noun per module, each with a table ``ROUTES``; a new module is one line here."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from pytest_roo_load.ccs.routes import (
    auth,
    commands,
    conversations,
    devices,
    files,
    health,
    messages,
    participants,
    sync,
    uploads,
    user_batches,
    users,
)
from pytest_roo_load.ccs.websocket import endpoint

API = "/api/v1"


def all_routes() -> Iterable[web.RouteDef]:
    """Return every route of the server with its full path."""
    yield from health.ROUTES
    yield from endpoint.ROUTES
    for module in (
        auth,
        users,
        user_batches,
        devices,
        conversations,
        participants,
        messages,
        commands,
        uploads,
        sync,
        files,
    ):
        for route in module.ROUTES:
            yield web.RouteDef(route.method, API + route.path, route.handler, route.kwargs)
