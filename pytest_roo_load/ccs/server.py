"""The life of the process: wait for PostgreSQL and Redis, serve, drain, stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import asyncpg
from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from pytest_roo_load.ccs.app import build_app
from pytest_roo_load.ccs.batch import Batch
from pytest_roo_load.ccs.cache import Cache, connect_redis
from pytest_roo_load.ccs.commands.delivery import Delivery
from pytest_roo_load.ccs.commands.desk import CommandDesk
from pytest_roo_load.ccs.commands.dispatcher import Dispatcher, Limits, new_worker
from pytest_roo_load.ccs.commands.tickets import Tickets
from pytest_roo_load.ccs.data.mailbox import Room
from pytest_roo_load.ccs.data.users import read_users
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import StartupError
from pytest_roo_load.ccs.files.storage import Storage
from pytest_roo_load.ccs.files.uploads import Uploads
from pytest_roo_load.ccs.listening import BACKLOG, listening_socket, say_ready, url_of
from pytest_roo_load.ccs.metrics import Metrics
from pytest_roo_load.ccs.passwords import Passwords
from pytest_roo_load.ccs.process_stats import ProcessStats
from pytest_roo_load.ccs.protection.audit import Audit
from pytest_roo_load.ccs.protection.guard import ADDRESS, LOGIN, UPLOAD, USER
from pytest_roo_load.ccs.protection.overload import Capacity, Gate
from pytest_roo_load.ccs.protection.rate_limits import RateLimits
from pytest_roo_load.ccs.protection.window import Rate
from pytest_roo_load.ccs.services import Services
from pytest_roo_load.ccs.sessions import Sessions
from pytest_roo_load.ccs.settings import Settings
from pytest_roo_load.ccs.tokens import Tokens
from pytest_roo_load.ccs.websocket.chores import Chores
from pytest_roo_load.ccs.websocket.hub import Hub, Patience
from pytest_roo_load.ccs.websocket.mailbox import Mailbox
from pytest_roo_load.ccs.websocket.notices import Notices
from pytest_roo_load.ccs.websocket.presence import Presence
from pytest_roo_load.ccs.websocket.relay import Relay

_PAUSE_S = 0.05
_AGAIN_S = 1.0
_REGISTER_S = 10.0
# Connections and requests are many small objects that die young; the collector need not look so often.
_GC_THRESHOLD = 20_000

log = logging.getLogger("ccs")
Ready = TypeVar("Ready")


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
    services = await _open_services(settings, stack)
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
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.SockSite(runner, listening_socket(settings), backlog=BACKLOG, ssl_context=_tls(settings))
    await site.start()
    stack.push_async_callback(_drain, services, site)
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


async def _open_services(settings: Settings, stack: AsyncExitStack) -> Services:
    database, redis = await asyncio.gather(
        _wait_for("PostgreSQL", settings.startup_timeout, lambda: _open_database(settings, stack)),
        _wait_for("Redis", settings.startup_timeout, lambda: _open_redis(settings, stack)),
    )
    cache = Cache(redis)
    sessions = Sessions(database, cache, access_ttl_s=settings.access_ttl)
    stack.push_async_callback(sessions.close)
    passwords = Passwords(settings.bcrypt_cost)
    stack.callback(passwords.close)
    patience = Patience(register_s=_REGISTER_S, ping_s=settings.ws_ping_interval, silence_s=settings.ws_session_timeout)
    hub = Hub(limit=settings.ws_max_connections, patience=patience)
    relay = Relay(redis, hub, settings.instance_id)
    notices = Notices(hub, relay)
    chores = Chores()
    room = Room(frames=settings.ws_queue_size, lifetime_s=settings.ws_queue_ttl)
    metrics, process = Metrics(), ProcessStats()
    return Services(
        settings=settings,
        database=database,
        cache=cache,
        sessions=sessions,
        tokens=Tokens(settings.jwt_secret, access_ttl_s=settings.access_ttl, refresh_ttl_s=settings.refresh_ttl),
        passwords=passwords,
        metrics=metrics,
        process=process,
        hub=hub,
        relay=relay,
        notices=notices,
        presence=Presence(redis, hub, relay, chores),
        mailbox=Mailbox(database, hub, relay, room),
        chores=chores,
        uploads=_open_uploads(settings, stack, database, notices),
        commands=_open_desk(settings, database, redis, relay=relay, hub=hub, metrics=metrics),
        rates=RateLimits(redis, _rates(settings)),
        gate=Gate(_capacity(settings), process, metrics.shed),
        audit=Audit(database),
        probe=Batch(database.probe),
        users=Batch(partial(read_users, database)),
        started=asyncio.get_running_loop().time(),
    )


def _rates(settings: Settings) -> dict[str, Rate]:
    limits = {
        ADDRESS: settings.rate_general,
        USER: settings.rate_general,
        LOGIN: settings.rate_login,
        UPLOAD: settings.rate_upload,
    }
    return {name: Rate(limit=limit, window_s=settings.rate_window) for name, limit in limits.items()}


def _capacity(settings: Settings) -> Capacity:
    return Capacity(
        in_flight=settings.max_in_flight, lag_s=settings.max_lag, memory_bytes=settings.max_memory * 1_000_000
    )


def _open_desk(
    settings: Settings, database: Database, redis: Redis, *, relay: Relay, hub: Hub, metrics: Metrics
) -> CommandDesk:
    worker = new_worker(settings.instance_id)
    delivery = Delivery(hub, relay)
    dispatcher = Dispatcher(
        worker=worker,
        limits=Limits(at_a_time=settings.commands_per_user, lease_s=settings.command_lease, ttl_s=settings.command_ttl),
        database=database,
        tickets=Tickets(redis, worker),
        delivery=delivery,
        metrics=metrics,
    )
    return CommandDesk(dispatcher, delivery, relay)


async def _open_database(settings: Settings, stack: AsyncExitStack) -> Database:
    database = await Database.connect(settings.database, settings.pool_size)
    stack.push_async_callback(database.close)
    return database


async def _open_redis(settings: Settings, stack: AsyncExitStack) -> Redis:
    redis = connect_redis(settings.redis)
    try:
        await redis.ping()
    except BaseException:
        await redis.aclose()
        raise
    stack.push_async_callback(redis.aclose)
    return redis


def _open_uploads(settings: Settings, stack: AsyncExitStack, database: Database, notices: Notices) -> Uploads:
    root = settings.file_root or stack.enter_context(TemporaryDirectory(prefix="ccs-files-"))
    uploads = Uploads(database, Storage(Path(root)), notices.file_sync)
    stack.callback(uploads.close)
    return uploads


async def _wait_for(service: str, timeout_s: float, connect: Callable[[], Awaitable[Ready]]) -> Ready:
    """Return what ``connect`` does, trying again for ``timeout_s``; raises StartupError with the last error."""
    last: BaseException = TimeoutError("no answer")
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    return await connect()
                except (OSError, RedisError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                    last = error
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError:
        raise StartupError(service, timeout_s, last) from last


async def _drain(services: Services, site: web.BaseSite) -> None:
    """Say that this instance is about to go, stop listening, and wait for the requests that have begun.

    aiohttp would not read the rest of a request's body once its own shutdown has begun.
    """
    services.gate.draining = True
    await asyncio.sleep(services.settings.drain_delay)
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
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
