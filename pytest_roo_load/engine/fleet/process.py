"""The child process of a local fleet: ``python -P -m pytest_roo_load.engine.fleet.process DESCRIPTOR``."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys

from pytest_roo_load.engine.fleet.serving import serve
from pytest_roo_load.engine.fleet.wire import Wire

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve one shard and end. Ctrl-C is the parent's business; when the parent is gone, so is this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if sys.platform == "win32":
        asyncio.run(_serve(int(sys.argv[1])))
    else:
        import resource  # noqa: PLC0415 - not made for every platform

        import uvloop  # noqa: PLC0415 - not made for every platform

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most != resource.RLIM_INFINITY:  # users have a connection each, or several
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        uvloop.run(_serve(int(sys.argv[1])))


async def _serve(descriptor: int) -> None:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    await serve(Wire(reader, writer), orphaned=lambda: os._exit(1))


if __name__ == "__main__":
    main()
