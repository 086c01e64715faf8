"""The web application, put together."""

from __future__ import annotations

from aiohttp import web

from pytest_roo_load.ccs import expectation
from pytest_roo_load.ccs.json_body import MAX_BODY_BYTES
from pytest_roo_load.ccs.middleware import serve, stamp
from pytest_roo_load.ccs.routes import all_routes
from pytest_roo_load.ccs.services import SERVICES, Services

# How long devices that are told to go may take to be forgotten by the others.
_FAREWELLS_S = 2.0


def build_app(services: Services) -> web.Application:
    """Return the application that serves every route with these services."""
    expectation.install()
    app = web.Application(middlewares=[serve(services)], client_max_size=MAX_BODY_BYTES)
    app[SERVICES] = services
    app.add_routes(list(all_routes()))
    app.on_response_prepare.append(stamp(services.settings.instance_id, services.gate))

    async def close_websockets(_: web.Application) -> None:
        services.hub.close()
        await services.chores.finish(_FAREWELLS_S)

    app.on_shutdown.append(close_websockets)
    return app
