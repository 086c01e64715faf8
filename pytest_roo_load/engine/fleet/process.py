"""The child process of a local fleet: ``python -P -m pytest_roo_load.engine.fleet.process DESCRIPTOR``."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
import traceback

from pytest_roo_load.core.timeline import Second
from pytest_roo_load.engine.fleet.wire import Done, Failed, Go, Ready, Report, Stop, Task, Wire
from pytest_roo_load.engine.generator import Generator
from pytest_roo_load.engine.shard import Outcome, Shard

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
        import uvloop  # noqa: PLC0415 - not made for every platform

        uvloop.run(_serve(int(sys.argv[1])))


async def _serve(descriptor: int) -> None:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    wire = Wire(reader, writer)
    try:
        task = await wire.receive()
        assert isinstance(task, Task)
        wire.send(Done(await _perform(task.shard, wire)))
        await wire.receive()  # the parent takes a last look at what this process uses and hangs up
    except (asyncio.IncompleteReadError, ConnectionError):
        return  # the parent is through, or gone; nobody is left to tell
    except Exception:  # noqa: BLE001 - the parent must hear of whatever it was
        wire.send(Failed(traceback.format_exc()))
    await wire.close()


async def _perform(shard: Shard, wire: Wire) -> Outcome:
    sys.path[:] = [*shard.modules, *(entry for entry in sys.path if entry not in shard.modules)]

    def emit(second: Second) -> None:
        wire.send(Report(second))

    generator = Generator(shard, emit)
    wire.send(Ready())
    go = await wire.receive()
    assert isinstance(go, Go)
    watching = asyncio.create_task(_obey(wire, generator))
    try:
        return await generator.run(go.start)
    finally:
        watching.cancel()
        await asyncio.wait({watching})


async def _obey(wire: Wire, generator: Generator) -> None:
    """The parent may say stop, and nothing else; when it is gone, so is this process."""
    try:
        while isinstance(await wire.receive(), Stop):
            generator.stop()
    except (asyncio.IncompleteReadError, ConnectionError):
        os._exit(1)


if __name__ == "__main__":
    main()
