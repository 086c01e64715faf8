"""A device on its WebSocket: talks to the user's other devices, and executes commands."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

from pytest_roo_load.clients.ccs.frames import REGISTRATION, Frame, frame_of, key_of, new_frame, refusal
from pytest_roo_load.clients.websocket.connection import WebSocket
from pytest_roo_load.core.ports import User

__all__ = ["Device", "Task"]

_ENTRANCE = "/ws"
_SERVER = "server"
_KEPT = 1000
_CAPABILITIES = {
    "supportsFileSync": True,
    "supportsVoiceCommands": False,
    "supportsVideoStreaming": False,
    "supportsNotifications": True,
    "maxFileSize": 2**30,
    "supportedFormats": [],
}
_ABOUT = {"platform": "linux", "version": "1.0.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A command that a device is to execute.

    Attributes:
        key: The idempotency key: what has been executed under it is not executed again.
        attempt: From 1.
        frame: The id of the frame that brought it.
    """

    command_id: str
    kind: str
    key: str
    attempt: int
    payload: Any
    frame: str


class Device:
    """A device that is connected.

    Attributes:
        id: The device's id, to which other devices send.
        executed: The results of the commands that it has executed, by idempotency key.
    """

    def __init__(self, socket: WebSocket, user: User, about: Mapping[str, str]) -> None:
        self._socket = socket
        self._user = user
        self._about = about
        self._sender = {"fromDeviceId": about["deviceId"], "userId": about["userId"]}
        self._kept: deque[Frame] = deque(maxlen=_KEPT)
        self.id = about["deviceId"]
        self.executed: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<Device {self.id} on {self._socket!r}>"

    @classmethod
    async def connect(cls, user: User, about: Mapping[str, str], token: str) -> Device:
        """Open a WebSocket, its identity in the query, and register on it: two operations.

        Args:
            user: Who connects.
            about: deviceId, userId and deviceType.
            token: Of a session on the device.
        """
        query = urlencode({**about, **_ABOUT, "token": token})
        entrance = user.websocket.entrance or _ENTRANCE
        socket = await user.websocket.connect(f"{entrance}?{query}", name=f"WS {_ENTRANCE}", correlate=key_of)
        device = cls(socket, user, about)
        payload = {"id": device.id, "userId": about["userId"], "type": about["deviceType"], **_ABOUT}
        await device._ask("device_register", payload | {"capabilities": _CAPABILITIES}, key=REGISTRATION)
        return device

    async def send(self, text: str, to: str | None = None) -> None:
        """Send a message to one device of the user, or to all others, and wait for the server's word of delivery."""
        await self._ask("user_message", {"content": text}, to=to)

    async def notify(self, title: str, to: str | None = None) -> None:
        """Send a notification, and wait as `send` does."""
        await self._ask("notification", {"title": title}, to=to)

    async def hand_over(self, state: Mapping[str, Any], to: str) -> None:
        """Let another device of the user go on with this one's work, and wait as `send` does."""
        await self._ask("device_handoff", dict(state), to=to)

    def typing(self, conversation_id: str) -> None:
        """Let the user's other devices know that somebody writes; nothing is waited for."""
        self._tell("typing", {"conversationId": conversation_id, "isTyping": True})

    def presence(self, status: str) -> None:
        """Say that the device is online, away or offline; nothing is waited for."""
        self._tell("presence", {"status": status})

    async def heartbeat(self) -> None:
        """Let the server know that the device is there, and wait for its answer."""
        await self._ask("heartbeat", {})

    async def receive(self, kind: str = "user_message", timeout_s: float = 30.0) -> Frame:
        """The next frame of a type from another device or the server; others are kept for those who ask for them.

        Raises:
            OperationTimeout: None came in time. It has not been counted.
            ConnectionLost: The connection ended.
        """
        return await self._next({kind}, timeout_s)

    async def next_task(self, timeout_s: float = 30.0) -> Task:
        """The next command for this device; see `receive` for what may go wrong."""
        frame = await self._next({"task_start"}, timeout_s)
        payload = frame["payload"]
        return Task(
            command_id=payload["commandId"],
            kind=payload["type"],
            key=payload["idempotencyKey"],
            attempt=payload["attempt"],
            payload=payload.get("payload"),
            frame=frame["id"],
        )

    def accept(self, task: Task) -> None:
        """Acknowledge a command: it is being executed from now on."""
        self._tell("ack", {"originalMessageId": task.frame, "status": "delivered"}, to=_SERVER)

    def complete(self, task: Task, result: Any = None) -> None:
        """Report that a command has been executed."""
        self._tell(
            "task_status", {"commandId": task.command_id, "status": "completed", "result": result or {}}, to=_SERVER
        )

    def fail(self, task: Task, error: str) -> None:
        """Report that a command could not be executed; the server may send it again."""
        self._tell("task_status", {"commandId": task.command_id, "status": "failed", "error": error}, to=_SERVER)

    async def execute(
        self, work: Callable[[Task], Any] | None = None, *, tasks: int = 1, timeout_s: float = 30.0
    ) -> None:
        """Take commands, do them once each and report; one that comes again is reported again, not done again.

        Args:
            work: What doing one means; its value is the result.
            tasks: How many to take.
            timeout_s: Seconds to wait for each.
        """
        for _ in range(tasks):
            task = await self.next_task(timeout_s)
            self.accept(task)
            if task.key not in self.executed:
                self.executed[task.key] = work(task) if work else {}
            self.complete(task, self.executed[task.key])

    @property
    def socket(self) -> WebSocket:
        """Its WebSocket."""
        return self._socket

    async def close(self) -> None:
        """Close the WebSocket."""
        await self._socket.close()

    async def _next(self, kinds: Collection[str], timeout_s: float) -> Frame:
        for frame in self._kept:
            if frame.get("type") in kinds:
                self._kept.remove(frame)
                return frame
        deadline = perf_counter() + timeout_s
        while True:
            frame = frame_of(await self._socket.receive(deadline - perf_counter()))
            if frame.get("type") in kinds:
                return frame
            self._kept.append(frame)

    async def _ask(self, kind: str, payload: Any, *, to: str | None = None, key: str | None = None) -> None:
        frame = new_frame(self._user.random, self._sender, kind, payload, to) | {"requiresAck": key is None}
        name = f"WS {kind}"
        await self._socket.request(json.dumps(frame), key=key or frame["id"], name=name, wrong=refusal)

    def _tell(self, kind: str, payload: Any, *, to: str | None = None) -> None:
        self._socket.send(json.dumps(new_frame(self._user.random, self._sender, kind, payload, to)))
