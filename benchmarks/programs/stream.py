"""Streams bytes up and down through one virtual user and tells how much memory that takes.

    python -m benchmarks.programs.stream [MEBIBYTES] [own|aiohttp]

Prints one JSON line: resident megabytes (10^6 bytes) before the first transfer and at the peak, and MB per second up
and down. The server is a process of its own, so that its memory does not count.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.clients.http.settings import HttpSettings
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.engine.recorder import PhaseRecorder

PIECE = bytes(range(256)) * 256
PIECES_PER_MEBIBYTE = 2**20 // len(PIECE)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take an upload and tell its digest, or give a download, as `/SIZE` in bytes says."""
    while head := await request_head(reader):
        method, path, _ = head.split(b" ", 2)
        size, digest = int(path[1:]), hashlib.sha256()
        if method == b"GET":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(size // len(PIECE)):
                writer.write(PIECE)
                await writer.drain()
        else:
            while size:
                piece = await reader.read(min(size, 2**18))
                size -= len(piece)
                digest.update(piece)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + digest.hexdigest().encode())


async def request_head(reader: asyncio.StreamReader) -> bytes:
    """The next request's head; empty when the client is gone."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        return await reader.readuntil(b"\r\n\r\n")
    return b""


async def serve(parent: Connection) -> None:
    """Listen, tell the parent where, and go on until killed."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=2**18)
    parent.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def run_server(parent: Connection) -> None:
    """The server's process."""
    uvloop.run(serve(parent))


async def pieces(mebibytes: int) -> AsyncIterator[bytes]:
    """What is sent up."""
    for _ in range(mebibytes * PIECES_PER_MEBIBYTE):
        yield PIECE


async def measure(url: str, mebibytes: int, library: Any) -> dict[str, float]:
    """Send and receive so much."""
    client = HttpClient(url, PhaseRecorder("steady"), Sweeper(), settings=HttpSettings(library=library, timeout_s=600))
    await client.post("/0")
    before, began, size = resident_mb("VmRSS"), perf_counter(), mebibytes * 2**20
    digest = hashlib.sha256()
    for _ in range(mebibytes * PIECES_PER_MEBIBYTE):
        digest.update(PIECE)
    hashed = perf_counter()
    told = await client.post(f"/{size}", body=pieces(mebibytes), size_bytes=size)
    up, received = perf_counter(), 0
    async with client.stream("GET", f"/{size}") as download:
        async for chunk in download:
            received += len(chunk)
    down = perf_counter()
    await client.close()
    if (told.text, received) != (digest.hexdigest(), size):
        raise RuntimeError("what arrived is not what was sent")
    return {
        "mebibytes": mebibytes,
        "before_mb": before,
        "peak_mb": resident_mb("VmHWM"),
        "up_mb_per_s": round(size / 1e6 / (up - hashed)),
        "down_mb_per_s": round(size / 1e6 / (down - up)),
        "hash_s": round(hashed - began, 1),
    }


def resident_mb(field: str) -> float:
    """This process's resident memory now (VmRSS) or at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    kibibytes = next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
    return round(kibibytes * 1024 / 1e6, 1)


def main() -> None:
    """Start the server, measure, and print."""
    mebibytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    library = sys.argv[2] if len(sys.argv) > 2 else "own"  # noqa: PLR2004 - the second argument
    here, there = get_context("spawn").Pipe()
    server = get_context("spawn").Process(target=run_server, args=(there,), daemon=True)
    server.start()
    try:
        result = uvloop.run(measure(f"http://127.0.0.1:{here.recv()}", mebibytes, library))
    finally:
        server.kill()
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
