"""A Python web server of one process: a small JSON, and an echo over WebSockets at /ws.

Run with `python -m benchmarks.programs.web_server PORT`.
"""

from __future__ import annotations

import sys

from aiohttp import web


async def _answer(_: web.Request) -> web.Response:
    return web.json_response({"message": "x" * 80})


async def _echo(request: web.Request) -> web.WebSocketResponse:
    talk = web.WebSocketResponse(compress=False)
    await talk.prepare(request)
    async for message in talk:
        await talk.send_str(message.data)
    return talk


if __name__ == "__main__":
    application = web.Application()
    application.router.add_get("/", _answer)
    application.router.add_get("/ws", _echo)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
