"""The life of the process: start, serve, drain, stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import ssl
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

from aiohttp import web

from pytest_roo_load.ccs.app import build_app
from pytest_roo_load.ccs.files.layout import CHUNK_BYTES
from pytest_roo_load.ccs.listening import BACKLOG, doors, doors_of, listening_socket, say_ready, url_of
from pytest_roo_load.ccs.opening import open_services
from pytest_roo_load.ccs.services import Services
from pytest_roo_load.ccs.settings import Settings

_AGAIN_S = 1.0
# Reading pauses at twice as much: a chunk of a file arrives without a pause.
_READ_BYTES = CHUNK_BYTES // 2
# Connections and requests are many small objects that die young; the collector need not look so often.
_GC_THRESHOLD = 20_000

log = logging.getLogger("ccs")


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight and return.

    Raises:
        StartupError: PostgreSQL or Redis did not answer in time.
        OSError: the port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        starting = asyncio.create_task(_start(settings, stack))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            with suppress(asyncio.CancelledError):
                await starting
            return
        say_ready(settings.instance_id, await starting)
        await stopping
        log.info("draining")


async def _start(settings: Settings, stack: AsyncExitStack) -> str:
    """Start everything, have ``stack`` stop it again in reverse order, and return the server's URL."""
    services = await open_services(settings, stack)
    for forever in (
        services.relay.listen,
        services.hub.watch,
        services.process.watch,
        services.uploads.sweep,
        services.mailbox.sweep,
        services.gate.watch,
        services.audit.run,
    ):
        _in_background(forever, stack)
    await services.relay.listening.wait()
    _in_background(services.commands.serve, stack)
    runner = web.AppRunner(
        build_app(services),
        handle_signals=False,
        access_log=None,
        shutdown_timeout=settings.drain_timeout,
        keepalive_timeout=75,
        read_bufsize=_READ_BYTES,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    tls = _tls(settings)
    entrance = doors(listening_socket(settings), doors_of(settings))
    sites = [web.SockSite(runner, one, backlog=BACKLOG, ssl_context=tls) for one in entrance]
    for site in sites:
        await site.start()
    stack.push_async_callback(_drain, services, sites)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    return url_of(settings, runner.addresses[0][1])


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_cert, settings.tls_key)
    return context


async def _drain(services: Services, sites: Sequence[web.BaseSite]) -> None:
    """Say that this instance is about to go, stop listening, and wait for the requests that have begun.

    aiohttp would not read the rest of a request's body once its own shutdown has begun.
    """
    services.gate.draining = True
    await asyncio.sleep(services.settings.drain_delay)
    for site in sites:
        await site.stop()
    services.hub.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(services.settings.drain_timeout):
            await services.gate.empty()


def _in_background(forever: Callable[[], Coroutine[Any, Any, None]], stack: AsyncExitStack) -> None:
    stack.push_async_callback(_cancel, asyncio.create_task(_always(forever)))


async def _always(forever: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run what never returns; should it fail, the server goes on and so does this, a little later."""
    while True:
        try:
            await forever()
        except Exception:
            log.exception("%s failed", getattr(forever, "__qualname__", forever))
        await asyncio.sleep(_AGAIN_S)


async def _cancel(task: asyncio.Task[None]) -> None:
    """End a task, asking again: a time-out inside it that passes in the same turn takes a cancellation for its own."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN_S)
