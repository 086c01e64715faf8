"""A server with one route for every thing that a client must get right, on aiohttp and with or without TLS."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import ssl
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

__all__ = ["MEBIBYTE", "serving_app"]

MEBIBYTE = bytes(range(256)) * 4096


async def echo(request: web.Request) -> web.Response:
    """What the server has understood of a request."""
    body = await request.read()
    return web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "size": len(body),
            "digest": hashlib.sha256(body).hexdigest(),
            "text": body[:2000].decode("latin-1"),
        }
    )


async def form(request: web.Request) -> web.Response:
    fields: dict[str, Any] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            fields[name] = [value.filename, value.content_type, value.file.read().decode("latin-1")]
        else:
            fields[name] = value
    return web.json_response(fields)


async def hash_upload(request: web.Request) -> web.Response:
    digest, size = hashlib.sha256(), 0
    async for piece in request.content.iter_any():
        digest.update(piece)
        size += len(piece)
    chunked = request.headers.get("Transfer-Encoding") == "chunked"
    return web.json_response({"digest": digest.hexdigest(), "size": size, "chunked": chunked})


async def download(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    if "chunked" not in request.query:
        answer.content_length = int(request.query["mebibytes"]) * len(MEBIBYTE)
    await answer.prepare(request)
    for _ in range(int(request.query["mebibytes"])):
        await answer.write(MEBIBYTE)
    return answer


async def coded(request: web.Request) -> web.Response:
    coding = request.match_info["coding"]
    text = b"decoded " * 1000
    coders: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "bare-deflate": lambda raw: zlib.compress(raw, wbits=-15),
        "br": _brotli,
        "zstd": _zstandard,
        "lzma": bytes,
    }
    return web.Response(body=coders[coding](text), headers={"Content-Encoding": coding.removeprefix("bare-")})


async def precoded(request: web.Request) -> web.Response:
    """Says that it is coded, whatever the server can code."""
    return web.Response(body=b"?", headers={"Content-Encoding": request.match_info["coding"]})


def _brotli(raw: bytes) -> bytes:
    import brotli  # noqa: PLC0415 - an extra

    return bytes(brotli.compress(raw))


def _zstandard(raw: bytes) -> bytes:
    import zstandard  # noqa: PLC0415 - an extra

    return zstandard.ZstdCompressor().compress(raw)


async def redirect(request: web.Request) -> web.Response:
    return web.Response(status=int(request.match_info["status"]), headers={"Location": request.query["to"]})


async def set_cookie(request: web.Request) -> web.Response:
    answer = web.Response(text="ok")
    for name, value in request.query.items():
        answer.headers.add("Set-Cookie", f"{name}={value}")
    return answer


class Flaky:
    """Answers 503 a number of times before it answers 200."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}

    async def __call__(self, request: web.Request) -> web.Response:
        key = request.query["key"]
        left = self.left.setdefault(key, int(request.query["failures"]))
        self.left[key] = left - 1
        return web.Response(status=503 if left > 0 else 200, text="flaky")


async def slow(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(b"first")
    await asyncio.sleep(60)
    return answer


def application() -> web.Application:
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/echo", echo)
    app.router.add_route("*", "/echo/{rest:.*}", echo)
    app.router.add_post("/form", form)
    app.router.add_post("/upload", hash_upload)
    app.router.add_get("/download", download)
    app.router.add_get("/coded/{coding}", coded)
    app.router.add_get("/precoded/{coding}", precoded)
    app.router.add_route("*", "/redirect/{status}", redirect)
    app.router.add_get("/set-cookie", set_cookie)
    app.router.add_get("/set-cookie/{rest:.*}", set_cookie)
    app.router.add_route("*", "/flaky", Flaky().__call__)
    app.router.add_get("/slow", slow)
    return app


@asynccontextmanager
async def serving_app(context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The server's URL."""
    runner = web.AppRunner(application(), access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"{'http' if context is None else 'https'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
