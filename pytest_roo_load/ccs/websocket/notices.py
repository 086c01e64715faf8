"""Frames that the server itself sends to the devices of a user, wherever they are connected.

Nobody waits for them and nothing keeps them: a device that was away asks for what it has missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pytest_roo_load.ccs.websocket import protocol
from pytest_roo_load.ccs.websocket.hub import Hub
from pytest_roo_load.ccs.websocket.relay import Relay


class Notices:
    """Tells devices what has changed, if their capabilities say that they want to know."""

    def __init__(self, hub: Hub, relay: Relay) -> None:
        self._hub = hub
        self._relay = relay

    def __repr__(self) -> str:
        return f"<Notices through {self._relay!r}>"

    async def file_sync(self, user_id: str, states: Sequence[str], sender: str = "") -> None:
        """Tell the user's devices, other than the ``sender``, new states of paths (JSON texts)."""
        now = protocol.stamp(datetime.now(UTC))
        for state in states:
            data = protocol.notice(protocol.FILE_SYNC, user_id, state, now)
            self._hub.deliver(user_id, data, to=None, sender=sender, about=protocol.FILE_SYNC)
            await self._relay.notify(user_id, data, sender=sender, about=protocol.FILE_SYNC)
