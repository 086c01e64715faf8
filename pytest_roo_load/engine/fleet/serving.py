"""A generator's side of the wire, in a child process or an xdist worker: performs the shard that it is sent."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import traceback
from collections.abc import Callable

from pytest_roo_load.core.timeline import Second
from pytest_roo_load.engine.fleet.wire import Done, Failed, Go, Ready, Report, Steer, Stop, Task, Wire
from pytest_roo_load.engine.garbage import rarely_collected
from pytest_roo_load.engine.generator import Generator
from pytest_roo_load.engine.outcomes import pack_outcome
from pytest_roo_load.engine.shard import Outcome, Shard
from pytest_roo_load.errors import UsageError

__all__ = ["serve"]


async def serve(wire: Wire, orphaned: Callable[[], object] = lambda: None) -> None:
    """Perform one shard and return when whoever sent it has hung up; its load ends when it hangs up before.

    Args:
        wire: Closed at the end.
        orphaned: Called when the other side is gone while the load runs.
    """
    try:
        task = await wire.receive()
        assert isinstance(task, Task)
        wire.send(Done(pack_outcome(await _perform(task.shard, wire, orphaned))))
        while True:  # the other side takes a last look at what this process uses and hangs up
            await wire.receive()  # what it said before it knew of the end; unread, it would break the wire
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the other side is through, or gone; nobody is left to tell
    except Exception as error:  # noqa: BLE001 - the other side must hear of whatever it was
        wire.send(Failed(traceback.format_exc(), error if isinstance(error, UsageError) else None))
    await wire.close()


async def _perform(shard: Shard, wire: Wire, orphaned: Callable[[], object]) -> Outcome:
    sys.path[:] = [*shard.modules, *(entry for entry in sys.path if entry not in shard.modules)]

    def emit(second: Second) -> None:
        wire.send(Report(second))

    generator = Generator(shard, emit)
    importlib.import_module("pytest_roo_load.clients.http.client")  # else the first user loads it, in the load's time
    with rarely_collected():  # a worker has much to collect: before it is ready, for the start waits for nobody
        wire.send(Ready(os.getpid()))
        go = await wire.receive()
        assert isinstance(go, Go)
        return await _run(generator, go.start, wire, orphaned)


async def _run(generator: Generator, start: float, wire: Wire, orphaned: Callable[[], object]) -> Outcome:
    running = asyncio.create_task(generator.run(start))
    obeying = asyncio.create_task(_obey(wire, generator))
    try:
        await asyncio.wait({running, obeying}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        orphaned()
        raise ConnectionError("nobody waits for what is measured")
    finally:
        running.cancel()
        obeying.cancel()
        await asyncio.wait({running, obeying})


async def _obey(wire: Wire, generator: Generator) -> None:
    """The other side may say stop or steer, and nothing else; returns when it is gone."""
    try:
        while True:
            match await wire.receive():
                case Stop():
                    generator.stop()
                case Steer(from_s, rate):
                    generator.steer(from_s, rate)
                case _:
                    return
    except (asyncio.IncompleteReadError, ConnectionError):
        return
