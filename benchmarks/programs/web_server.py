"""A Python web server of one process that answers with a small JSON: python -m benchmarks.programs.web_server PORT."""

from __future__ import annotations

import sys

from aiohttp import web


async def _answer(_: web.Request) -> web.Response:
    return web.json_response({"message": "x" * 80})


if __name__ == "__main__":
    application = web.Application()
    application.router.add_get("/", _answer)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
