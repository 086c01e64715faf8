"""What the routes work with, put together once at start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from pytest_roo_load.ccs.batch import Batch
from pytest_roo_load.ccs.cache import Cache
from pytest_roo_load.ccs.commands.desk import CommandDesk
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import not_found
from pytest_roo_load.ccs.files.uploads import Uploads
from pytest_roo_load.ccs.metrics import Metrics
from pytest_roo_load.ccs.passwords import Passwords
from pytest_roo_load.ccs.process_stats import ProcessStats
from pytest_roo_load.ccs.protection.audit import Audit
from pytest_roo_load.ccs.protection.overload import Gate
from pytest_roo_load.ccs.protection.rate_limits import RateLimits
from pytest_roo_load.ccs.sessions import Sessions
from pytest_roo_load.ccs.settings import Settings
from pytest_roo_load.ccs.tokens import Tokens
from pytest_roo_load.ccs.websocket.chores import Chores
from pytest_roo_load.ccs.websocket.hub import Hub
from pytest_roo_load.ccs.websocket.mailbox import Mailbox
from pytest_roo_load.ccs.websocket.notices import Notices
from pytest_roo_load.ccs.websocket.presence import Presence
from pytest_roo_load.ccs.websocket.relay import Relay


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One instance's parts; ``started`` is the event loop's time at start."""

    settings: Settings
    database: Database
    cache: Cache
    sessions: Sessions
    tokens: Tokens
    passwords: Passwords
    metrics: Metrics
    process: ProcessStats
    hub: Hub
    relay: Relay
    notices: Notices
    presence: Presence
    mailbox: Mailbox
    chores: Chores
    uploads: Uploads
    commands: CommandDesk
    rates: RateLimits
    gate: Gate
    audit: Audit
    users: Batch[str, str]
    probe: Batch[str, bool]
    started: float

    async def user(self, user_id: str) -> str:
        """Return a user as JSON text; raises 404 ``USER_NOT_FOUND``."""
        found = await self.users.get(user_id)
        if found is None:
            raise not_found("user")
        return found

    async def revoke(self, session_ids: Sequence[str]) -> None:
        """Make sessions that PostgreSQL has as ended useless everywhere: their tokens and their WebSockets."""
        if session_ids:
            await self.sessions.revoked(session_ids)
            self.hub.end_sessions(session_ids)
            await self.relay.announce_ended(session_ids)


SERVICES = web.AppKey("services", Services)
