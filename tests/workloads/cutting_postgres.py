"""A way to a PostgreSQL that ends once while the answer to a COMMIT is on it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from workload_lab import in_thread

_COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"  # CommandComplete


class CuttingPostgres:
    """Passes bytes on, up to an answer to COMMIT: with it the connection is aborted on both sides.

    Args:
        url: Of the PostgreSQL behind it.
        number: Which answer it is, of all connections together.
    """

    def __init__(self, url: str, number: int) -> None:
        parts = urlsplit(url)
        self._behind = parts.hostname or "", parts.port or 0
        self._commits_left = number
        self._parts = parts
        self.url = ""

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        user = self._parts.netloc.rpartition("@")[0]
        port = server.sockets[0].getsockname()[1]
        self.url = self._parts._replace(netloc=f"{user}@127.0.0.1:{port}").geturl()
        ready.set()
        await stop.wait()
        server.close()
        talks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await asyncio.sleep(0)  # aborted transports close

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection(*self._behind)
        ways = [
            asyncio.ensure_future(self._pass_on(reader, behind_writer)),
            asyncio.ensure_future(self._pass_on(behind_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            writer.transport.abort()
            behind_writer.transport.abort()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if _COMMITTED in data:
                self._commits_left -= 1
                if self._commits_left == 0:
                    return
            writer.write(data)
            await writer.drain()


@contextlib.contextmanager
def cutting_postgres(url: str, number: int) -> Iterator[CuttingPostgres]:
    """The way, in a thread."""
    server = CuttingPostgres(url, number)
    with in_thread(server.serve):
        yield server
