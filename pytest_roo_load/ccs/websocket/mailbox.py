"""What waits for devices that are not connected, and how it reaches them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_roo_load.ccs.data.mailbox import Letter, Room, expire_frames, forget_frames, keep_frame, waiting_frames
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.validation import is_uuid
from pytest_roo_load.ccs.websocket.hub import Hub
from pytest_roo_load.ccs.websocket.protocol import FLEETING, Frame
from pytest_roo_load.ccs.websocket.relay import Relay

NOBODY = "No device is connected that could take it"
_FULL, _LARGE = "The queue of the device is full", "The device is not connected, and the frame too large to be kept"
_MOST_BYTES = 256 * 1024
_BATCH = 64
_SWEEP_S = 30.0
_MAIL = "mail"

log = logging.getLogger("ccs.mailbox")


class Mailbox:
    """The queues of devices, in PostgreSQL: what is in them outlives every instance, and Redis."""

    def __init__(self, database: Database, hub: Hub, relay: Relay, room: Room) -> None:
        self._database = database
        self._hub = hub
        self._relay = relay
        self._room = room
        relay.handlers[_MAIL] = self._arrived

    def __repr__(self) -> str:
        return f"<Mailbox of {self._room.frames} frames per device>"

    async def keep(self, frame: Frame) -> str | None:
        """Keep a frame for its device, which may have connected meanwhile; return why it cannot be kept, if so."""
        if frame.to_device is None or frame.type in FLEETING or not is_uuid(frame.to_device):
            return NOBODY
        if len(frame.data) > _MOST_BYTES:
            return _LARGE
        try:
            kept = await keep_frame(self._database, frame, self._room)
        except ApiError as error:
            return error.message
        if not kept:
            return NOBODY if kept is None else _FULL
        # A device is made reachable before it reads its queue, and here the queue is filled before the device is looked
        # for: so one of the two finds the other.
        place = await self._relay.place_of(frame.user_id, frame.to_device)
        told = {"user": frame.user_id, "device": frame.to_device}
        if place is None:
            self._arrived(told)
        else:
            await self._relay.tell(place, _MAIL, **told)
        return None

    async def waiting(self, device_id: str, but: Sequence[int]) -> list[Letter]:
        """Return the next of a device's queue; raises `ApiError` when the database is away."""
        return await waiting_frames(self._database, device_id, but, _BATCH)

    async def forget(self, device_id: str, message_ids: Sequence[str]) -> None:
        """Take what was acknowledged out of a device's queue; what stays is sent again when it connects."""
        try:
            await forget_frames(self._database, device_id, message_ids)
        except ApiError as error:
            log.warning("acknowledged frames stay queued: %s", error)

    async def sweep(self) -> None:
        """Drop what has waited for too long, until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                await expire_frames(self._database)
            except ApiError as error:
                log.warning("queues not swept: %s", error)

    def _arrived(self, told: Mapping[str, Any]) -> None:
        connection = self._hub.device(told["user"], told["device"])
        if connection is not None and connection.listener is not None:
            connection.listener.mail()
