"""The least that a server in aiohttp does: ``python -m benchmarks.programs.bare PORT`` answers and echoes."""

from __future__ import annotations

import sys

import uvloop
from aiohttp import web

_BODY = b'{"success":true,"data":{"id":"9d5a1a44-0f54-4f3e-9a43-1f1d2e0a6a10"}}'


async def answer(_request: web.Request) -> web.Response:
    """A small JSON."""
    return web.Response(body=_BODY, content_type="application/json")


async def echo(request: web.Request) -> web.WebSocketResponse:
    """What comes goes back."""
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


def main() -> None:
    """Serve until killed."""
    app = web.Application()
    app.router.add_get("/", answer)
    app.router.add_get("/ws", echo)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=uvloop.new_event_loop())


if __name__ == "__main__":
    main()
