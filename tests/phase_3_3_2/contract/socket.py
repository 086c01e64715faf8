"""A WebSocket as the statements use it."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import aiohttp

__all__ = ["Frame", "Socket"]

Frame = dict[str, Any]
_PATIENCE_S = 5.0
_CLOSED = frozenset({aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED})


class Socket:
    """One device's connection.

    Attributes:
        device_id: Of the device that it claims to be.
    """

    def __init__(self, raw: aiohttp.ClientWebSocketResponse, *, user_id: str, device_id: str) -> None:
        self.raw = raw
        self.user_id = user_id
        self.device_id = device_id

    def frame(self, kind: str = "user_message", payload: Any = None, **fields: Any) -> Frame:
        """A frame from this device."""
        return {
            "id": str(uuid.uuid4()),
            "type": kind,
            "fromDeviceId": self.device_id,
            "userId": self.user_id,
            "payload": {} if payload is None else payload,
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "priority": 1,
            "requiresAck": False,
        } | fields

    async def tell(self, kind: str = "user_message", payload: Any = None, **fields: Any) -> Frame:
        """Send a frame, and give it."""
        frame = self.frame(kind, payload, **fields)
        await self.raw.send_str(json.dumps(frame))
        return frame

    async def next(self, *kinds: str, within_s: float = _PATIENCE_S) -> Frame:
        """The next frame of these types, others passed over; any type without."""
        wanted = " or ".join(kinds) or "a frame"
        loop_s = within_s
        while True:
            try:
                message = await self.raw.receive(timeout=loop_s)
            except TimeoutError:
                raise AssertionError(f"no {wanted} came within {within_s:g} s") from None
            assert message.type not in _CLOSED, f"the server closed with {self.raw.close_code} instead of {wanted}"
            assert message.type is aiohttp.WSMsgType.TEXT, f"a {message.type.name} message instead of {wanted}"
            frame: Frame = json.loads(message.data)
            if not kinds or frame.get("type") in kinds:
                return frame

    async def every(self, kind: str, *, quiet_s: float) -> list[Frame]:
        """All frames of a type until none has come for so long."""
        found = []
        while True:
            try:
                found.append(await self.next(kind, within_s=quiet_s))
            except AssertionError as error:
                if "no " not in str(error)[:3]:
                    raise
                return found

    async def register(self) -> Frame:
        """Answer the challenge and be let in."""
        await self.next("device_register")
        answer = await self.ask_to_register()
        assert answer["type"] == "ack", f"the registration was answered with {answer}"
        assert answer["payload"].get("status") == "success", f"the registration was answered with {answer}"
        return answer

    async def ask_to_register(self) -> Frame:
        """Ask to be let in; what the server says."""
        about = {"id": self.device_id, "userId": self.user_id, "type": "desktop", "platform": "linux", "version": "1"}
        capabilities = {"supportsFileSync": True, "supportsNotifications": True, "maxFileSize": 2**20}
        await self.tell("device_register", about | {"capabilities": capabilities})
        return await self.next("ack", "error")

    async def ack_of(self, frame: Frame) -> Any:
        """What the server says of a frame that wanted to know."""
        while True:
            answer = await self.next("ack", "error")
            if answer["payload"].get("originalMessageId") in (frame["id"], None):
                return answer["payload"] | {"type": answer["type"]}

    async def closed_with(self) -> int | None:
        """The code with which the server closes; what it says before that is passed over."""
        while True:
            try:
                message = await self.raw.receive(timeout=_PATIENCE_S)
            except TimeoutError:
                return None
            if message.type in _CLOSED or message.type is aiohttp.WSMsgType.ERROR:
                return self.raw.close_code
