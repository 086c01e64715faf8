"""The proxy's control: JSON over HTTP on loopback.

::

    GET    /links                               every link
    POST   /links      {"name", "server", "port"}        a new link; {"datagrams": true} for UDP
    GET    /links/NAME
    PATCH  /links/NAME {"up": false}                     down: refuse and reset connections; or up again
    DELETE /links/NAME
    POST   /links/NAME/toxics {"kind", "direction", "settings", "probability", "id"}
    DELETE /links/NAME/toxics/ID
    PUT    /links/NAME/weather {"loss": 0.05}            of a link of datagrams, which has toxics as well
    POST   /reset                                        every link is up and has no toxic

What cannot be used is answered with 400 and {"error": why}.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from pytest_roo_load.chaos.link import Link
from pytest_roo_load.chaos.proxy import Proxy
from pytest_roo_load.errors import UsageError

__all__ = ["application"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(proxy: Proxy) -> web.Application:
    """The control of a proxy."""
    control = _Control(proxy)
    app = web.Application(middlewares=[_errors])
    app.add_routes(
        [
            web.get("/links", control.list),
            web.post("/links", control.open),
            web.get("/links/{name}", control.show),
            web.patch("/links/{name}", control.change),
            web.delete("/links/{name}", control.close),
            web.post("/links/{name}/toxics", control.poison),
            web.delete("/links/{name}/toxics/{id}", control.heal),
            web.put("/links/{name}/weather", control.weather),
            web.post("/reset", control.reset),
        ]
    )
    return app


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except UsageError as error:
        return web.json_response({"error": str(error)}, status=400)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        data = json.loads(await request.read())
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise UsageError("not a JSON object", value=(await request.text())[:80], allowed="see the documentation")
    return data


class _Control:
    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    async def list(self, _: web.Request) -> web.Response:
        found = {name: link.facts() for name, link in self._proxy.links.items()}
        found |= {name: link.facts() for name, link in self._proxy.datagram_links.items()}
        return web.json_response(found)

    async def open(self, request: web.Request) -> web.Response:
        data = await _body(request)
        if data.get("datagrams"):
            return web.json_response((await self._proxy.open_datagrams(data)).facts(), status=201)
        return web.json_response(self._proxy.open(data).facts(), status=201)

    async def show(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        datagrams = self._proxy.datagram_links.get(name)
        return web.json_response((datagrams or self._proxy.link(name)).facts())

    async def change(self, request: web.Request) -> web.Response:
        link, data = self._link(request), await _body(request)
        if not isinstance(data.get("up"), bool):
            raise UsageError("what is to change is missing", value=data, allowed='{"up": true} or {"up": false}')
        if data["up"]:
            link.up()
        else:
            link.down()
        return web.json_response(link.facts())

    async def close(self, request: web.Request) -> web.Response:
        self._proxy.close(request.match_info["name"])
        return web.Response(status=204)

    async def poison(self, request: web.Request) -> web.Response:
        link = self._proxy.poison(request.match_info["name"], await _body(request))
        if isinstance(link, Link):
            await link.settled()
        return web.json_response(link.facts(), status=201)

    async def heal(self, request: web.Request) -> web.Response:
        link = self._proxy.heal(request.match_info["name"], request.match_info["id"])
        if isinstance(link, Link):
            await link.settled()
        return web.json_response(link.facts())

    async def weather(self, request: web.Request) -> web.Response:
        return web.json_response(self._proxy.weather(request.match_info["name"], await _body(request)).facts())

    async def reset(self, _: web.Request) -> web.Response:
        self._proxy.reset()
        return web.Response(status=204)

    def _link(self, request: web.Request) -> Link:
        return self._proxy.link(request.match_info["name"])
