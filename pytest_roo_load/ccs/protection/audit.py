"""The audit log of what nobody waits for: events gather here and are written together.

What must not be missing (logins, ended sessions, changed passwords) is written by the statement that does it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.envelope import dumps
from pytest_roo_load.ccs.errors import ApiError

_WRITE = """
    INSERT INTO security_audit_log (user_id, event, detail, happened_at)
    SELECT user_id, event, detail::jsonb, clock_timestamp() - make_interval(secs => age_s)
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::float8[]) AS e(user_id, event, detail, age_s)
"""
_EVERY_S = 0.5
_AT_MOST = 10_000

log = logging.getLogger("ccs.audit")


class Audit:
    """Events that are not written yet, at most 10,000; ``lost`` counts those beyond."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._events: list[tuple[str | None, str, str, float]] = []
        self.lost = 0

    def __repr__(self) -> str:
        return f"<Audit {len(self._events)} events to write, {self.lost} lost>"

    def note(self, event: str, user_id: str | None = None, **detail: Any) -> None:
        """Note an event that happens now; ``detail`` must be fit for JSON."""
        if len(self._events) >= _AT_MOST:
            self.lost += 1
            return
        self._events.append((user_id, event, dumps(detail), asyncio.get_running_loop().time()))

    async def run(self) -> None:
        """Write what gathers until cancelled, and then what is left."""
        try:
            while True:
                await asyncio.sleep(_EVERY_S)
                await self._write()
        finally:
            await self._write()

    async def _write(self) -> None:
        if not self._events:
            return
        events, self._events = self._events, []
        now = asyncio.get_running_loop().time()
        users, names, details, times = zip(*events, strict=True)
        try:
            await self._database.execute(_WRITE, users, names, details, [now - moment for moment in times])
        except ApiError as error:
            log.warning("audit: %d events wait: %s", len(events), error)
            self._events = (events + self._events)[:_AT_MOST]
