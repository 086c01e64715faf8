"""Where routes and WebSockets hand in what concerns commands, for whichever instance serves the user's lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_roo_load.ccs.commands.delivery import Delivery
from pytest_roo_load.ccs.commands.dispatcher import Dispatcher, instance_of
from pytest_roo_load.ccs.websocket.protocol import Frame

_WAKE, _CANCELLED, _HEARD = "commands queued", "command cancelled", "command answered"
ANSWERS = frozenset({"ack", "task_status"})


class CommandDesk:
    """Tells the worker of a lane what has happened, here or at another instance."""

    def __init__(self, dispatcher: Dispatcher, delivery: Delivery) -> None:
        self._dispatcher = dispatcher
        self._delivery = delivery
        self._relay = relay = delivery.relay
        relay.handlers |= {
            _WAKE: lambda told: dispatcher.wake(told["user"]),
            _CANCELLED: lambda told: dispatcher.cancelled(told["user"], told["command"]),
            _HEARD: lambda told: _hear(dispatcher, told),
            "moved": lambda told: dispatcher.moved(told["user"], told["device"], online=told["online"]),
        }

    def __repr__(self) -> str:
        return f"<CommandDesk of {self._dispatcher!r}>"

    async def serve(self) -> None:
        """Execute commands until cancelled."""
        await self._dispatcher.run()

    def running(self) -> int:
        """Return how many commands this instance has claimed and not ended."""
        return self._dispatcher.running()

    async def queued(self, user_id: str, worker: str | None) -> None:
        """Commands were queued in a lane that ``worker`` has, or nobody."""
        if worker is None:
            await self._dispatcher.queued(user_id)
        elif worker == self._dispatcher.worker:
            self._dispatcher.wake(user_id)
        else:
            await self._relay.tell(instance_of(worker), _WAKE, user=user_id)

    async def cancelled(self, user_id: str, command_id: str, targets: Sequence[str]) -> None:
        """A command was cancelled that these devices may be executing."""
        self._dispatcher.cancelled(user_id, command_id)
        await self._relay.tell(None, _CANCELLED, user=user_id, command=command_id)
        for device_id in targets:
            await self._delivery.cancel(user_id, device_id, command_id)

    async def heard(self, frame: Frame) -> bool:
        """Take a frame that a device has sent to the server; False when it is no answer to a command."""
        if frame.type not in ANSWERS or not isinstance(frame.payload, Mapping):
            return False
        payload: Mapping[str, Any] = frame.payload
        if not self._dispatcher.heard(frame.user_id, frame.from_device, frame.type, payload):
            told = {"user": frame.user_id, "device": frame.from_device, "type": frame.type, "payload": payload}
            await self._relay.tell(None, _HEARD, **told)
        return True


def _hear(dispatcher: Dispatcher, told: Mapping[str, Any]) -> None:
    dispatcher.heard(told["user"], told["device"], told["type"], told["payload"])
