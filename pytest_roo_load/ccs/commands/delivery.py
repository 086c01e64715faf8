"""The way of a command to those who execute it: frames to devices, and what the server does by itself.

A device gets ``task_start`` with the payload ``{commandId, type, priority, attempt, idempotencyKey, timeoutS, payload,
config}``. It answers to the device ``server``: an ``ack`` with ``{originalMessageId}`` when it accepts, and a
``task_status`` with ``{commandId, status: running | completed | failed, result?, error?}``. It may get the same
command again, with a higher attempt, and tells that by the idempotency key. ``task_cancel`` has ``{commandId}``.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from pytest_roo_load.ccs.commands.command import SERVER, Claimed
from pytest_roo_load.ccs.envelope import dumps
from pytest_roo_load.ccs.websocket.hub import Hub
from pytest_roo_load.ccs.websocket.protocol import Frame
from pytest_roo_load.ccs.websocket.relay import Relay

# What the server tells all devices of the user when a command without targets has one of these types. Other commands
# without targets leave their effect in the database and nothing else.
_TOLD = {"message_broadcast": "user_message", "notification_send": "notification", "file_sync": "file_sync"}
_ASKS_WHO_IS_THERE = frozenset({"device_status", "device_sync"})


class Delivery:
    """Reaches devices wherever they are connected."""

    def __init__(self, hub: Hub, relay: Relay) -> None:
        self._hub = hub
        self.relay = relay

    def __repr__(self) -> str:
        return f"<Delivery over {self._hub!r}>"

    async def start(self, command: Claimed, device_id: str) -> bool:
        """Send a command to a device; False when it is not connected or does not keep up."""
        name = f"{command.id}.{command.attempt}"
        body = (
            f'{{"commandId":"{command.id}","type":"{command.type}","priority":{command.priority},'
            f'"attempt":{command.attempt},"idempotencyKey":{dumps(command.idempotency_key)},'
            f'"timeoutS":{command.patience.timeout_s:g},"payload":{command.payload},"config":{command.config}}}'
        )
        frame = _frame("task_start", command.user_id, device_id, body, name=name)
        return await self._send(frame)

    async def cancel(self, user_id: str, device_id: str, command_id: str) -> None:
        """Tell a device that a command was cancelled, if it is connected."""
        await self._send(_frame("task_cancel", user_id, device_id, f'{{"commandId":"{command_id}"}}'))

    async def by_server(self, command: Claimed) -> str:
        """Execute a command that has no target; return its result as JSON text."""
        if command.type in _ASKS_WHO_IS_THERE:
            return dumps({"connected": sorted(await self.relay.connected(command.user_id))})
        kind = _TOLD.get(command.type)
        if kind is None:
            return "{}"
        return dumps({"reached": await self._send(_frame(kind, command.user_id, None, command.payload))})

    async def _send(self, frame: Frame) -> bool:
        here = self._hub.deliver(frame.user_id, frame.data, to=frame.to_device, sender=SERVER)
        if here and frame.to_device is not None:
            return True
        forwarded = await self.relay.forward(frame)
        if not frame.requires_ack or not forwarded.answers:
            return bool(here or forwarded.reached)
        return await self.relay.answered(forwarded.answers)


def _frame(kind: str, user_id: str, device_id: str | None, body: str, *, name: str = "") -> Frame:
    name = name or str(uuid.uuid4())
    wants_ack = kind == "task_start"
    to = "" if device_id is None else f'"toDeviceId":"{device_id}",'
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    text = (
        f'{{"id":"{name}","type":"{kind}","fromDeviceId":"{SERVER}",{to}"userId":"{user_id}","payload":{body},'
        f'"timestamp":"{now}","priority":1,'
        f'"requiresAck":{"true" if wants_ack else "false"}}}'
    )
    return Frame(
        id=name,
        type=kind,
        user_id=user_id,
        from_device=SERVER,
        to_device=device_id,
        requires_ack=wants_ack,
        payload=None,
        data=text.encode(),
    )
