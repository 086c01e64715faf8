"""Files on their way out: the whole or a part, from the disk to the socket by the kernel where that is possible."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from pytest_roo_load.ccs.data.files import Content
from pytest_roo_load.ccs.errors import ApiError, not_found
from pytest_roo_load.ccs.files.ranges import not_modified, part_wanted

_PIECE_BYTES = 256 * 1024
_AT_ONCE_BYTES = 1024 * 1024
_PAUSE_S = 0.001


async def send_file(request: web.Request, path: Path, content: Content) -> web.StreamResponse:
    """Answer 200 with a file, 206 with the part that is asked for, or 304 when the client has it.

    Raises:
        ApiError: 404 when the bytes are gone, 416 when the part does not exist.
    """
    etag = f'"{content.sha256}"'
    if not_modified(request.headers, etag):
        return web.Response(status=304, headers={"ETag": etag})
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError as error:
        raise not_found("file") from error
    try:
        return await _send(request, file, content, etag)
    finally:
        os.close(file)


async def _send(request: web.Request, file: int, content: Content, etag: str) -> web.StreamResponse:
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Type": content.mime_type,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(content.filename, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
    wanted = part_wanted(request.headers, content.size_bytes, etag)
    part = range(content.size_bytes) if wanted is None else wanted
    if wanted is not None:
        if not wanted:
            where = {"Content-Range": f"bytes */{content.size_bytes}"}
            raise ApiError(416, "RANGE_NOT_SATISFIABLE", "The file has no such part", headers=where)
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{content.size_bytes}"
    response = web.StreamResponse(status=200 if wanted is None else 206, headers=headers)
    response.content_length = len(part)
    await response.prepare(request)
    if request.method != "HEAD":
        await _send_bytes(request, response, file, part)
    await response.write_eof()
    return response


async def _send_bytes(request: web.Request, response: web.StreamResponse, file: int, part: range) -> None:
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client has gone")
    socket = transport.get_extra_info("socket")
    if socket is None or transport.get_extra_info("sslcontext") is not None or not hasattr(os, "sendfile"):
        await _copy(response, file, part)
        return
    await _written(transport)
    # The event loop keeps others from waiting for the transport's own descriptor; a duplicate is the same socket.
    duplicate = os.dup(socket.fileno())
    try:
        await _sendfile(duplicate, file, part)
    finally:
        os.close(duplicate)


async def _copy(response: web.StreamResponse, file: int, part: range) -> None:
    loop = asyncio.get_running_loop()
    start = part.start
    while start < part.stop:
        piece = await loop.run_in_executor(None, os.pread, file, min(_PIECE_BYTES, part.stop - start), start)
        if not piece:
            raise ConnectionResetError("the file is shorter than it was")
        await response.write(piece)
        start += len(piece)


async def _written(transport: asyncio.WriteTransport) -> None:
    """Wait until the head of the answer has left for the kernel, which sends in order from there."""
    await asyncio.sleep(0)
    while transport.get_write_buffer_size():  # noqa: ASYNC110 - the transport tells nobody when it is empty
        await asyncio.sleep(_PAUSE_S)


async def _sendfile(socket: int, file: int, part: range) -> None:
    loop = asyncio.get_running_loop()
    start = part.start
    while start < part.stop:
        try:
            sent = os.sendfile(socket, file, start, min(_AT_ONCE_BYTES, part.stop - start))
        except BlockingIOError:
            await _writable(loop, socket)
            continue
        if not sent:
            raise ConnectionResetError("the file is shorter than it was")
        start += sent
        await asyncio.sleep(0)


async def _writable(loop: asyncio.AbstractEventLoop, socket: int) -> None:
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(socket, wake)
    try:
        await ready
    finally:
        with suppress(OSError, ValueError):
            loop.remove_writer(socket)
