"""A TCP server of one process: what comes in on one port is sent back, on the other it is swallowed.

python -m benchmarks.programs.tcp_server     prints the port that echoes and the port that swallows
"""

from __future__ import annotations

import asyncio
import resource
import sys
from typing import cast

import uvloop


class Echo(asyncio.Protocol):
    """Sends back what comes."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio's protocol."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none of asyncio's classes

    def data_received(self, data: bytes) -> None:
        """Part of asyncio's protocol."""
        self.transport.write(data)


class Sink(asyncio.BufferedProtocol):
    """Swallows what comes, and answers one byte at its end."""

    transport: asyncio.Transport
    _room = bytearray(1 << 20)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio's protocol."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none of asyncio's classes

    def get_buffer(self, sizehint: int) -> bytearray:
        """Part of asyncio's protocol."""
        del sizehint
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Part of asyncio's protocol."""

    def eof_received(self) -> bool:
        """Part of asyncio's protocol."""
        self.transport.write(b"k")
        return False


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(kind, "127.0.0.1", 0, backlog=8192) for kind in (Echo, Sink)]
    sys.stdout.write(" ".join(str(server.sockets[0].getsockname()[1]) for server in servers) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
