"""The parts of one instance, put together: wait for PostgreSQL and Redis, then make what works with them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from pytest_roo_load.ccs.batch import Batch
from pytest_roo_load.ccs.cache import Cache, connect_redis
from pytest_roo_load.ccs.commands.delivery import Delivery
from pytest_roo_load.ccs.commands.desk import CommandDesk
from pytest_roo_load.ccs.commands.dispatcher import Dispatcher, new_worker
from pytest_roo_load.ccs.commands.roster import Limits
from pytest_roo_load.ccs.commands.tickets import Tickets
from pytest_roo_load.ccs.data.mailbox import Room
from pytest_roo_load.ccs.data.users import read_users
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import StartupError
from pytest_roo_load.ccs.files.storage import Storage
from pytest_roo_load.ccs.files.uploads import Uploads
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
_REGISTER_S = 10.0

Ready = TypeVar("Ready")


async def open_services(settings: Settings, stack: AsyncExitStack) -> Services:
    """Return the parts of one instance, connected; ``stack`` closes them again.

    Raises:
        StartupError: PostgreSQL or Redis did not answer in time.
    """
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
        commands=_open_desk(settings, database, redis, delivery=Delivery(hub, relay), metrics=metrics),
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
    settings: Settings, database: Database, redis: Redis, *, delivery: Delivery, metrics: Metrics
) -> CommandDesk:
    dispatcher = Dispatcher(
        limits=Limits(at_a_time=settings.commands_per_user, lease_s=settings.command_lease, ttl_s=settings.command_ttl),
        database=database,
        tickets=Tickets(redis, new_worker(settings.instance_id)),
        delivery=delivery,
        metrics=metrics,
    )
    return CommandDesk(dispatcher, delivery)


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
