"""A client of the Communication & Control Server, for journeys.

::

    session = await CCS(user).login()
    conversation = await session.create_conversation()
    await conversation.post("hello")
    device = await session.connect()

Every request is an operation named by its route without `/api/v1`. An answer that the caller cannot go on with raises
`UnexpectedAnswer`; it has been counted as failed by then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from pytest_roo_load.clients.http.names import route_of
from pytest_roo_load.clients.http.response import Response
from pytest_roo_load.clients.websocket.connection import Message, WebSocket
from pytest_roo_load.core.ports import User
from pytest_roo_load.errors import UnexpectedAnswer

__all__ = ["CCS", "Conversation", "Device", "Session"]

_PREFIX = "/api/v1"
_PASSWORD = "Virtual-User-1!"  # noqa: S105 - of accounts that exist for one run
_REGISTRATION = "registration"


class CCS:
    """The server as one virtual user sees it before it is logged in."""

    def __init__(self, user: User) -> None:
        self._user = user
        self.email = f"user-{user.id}@{user.run}.test"

    def __repr__(self) -> str:
        return f"<CCS for {self.email}>"

    async def register(self) -> None:
        """Make the user's account; one that exists already is fine."""
        body = {"email": self.email, "password": _PASSWORD, "display_name": f"User {self._user.id}"}
        await _call(self._user, "POST", "/auth/register", body, expect=(201, 409))

    async def login(self, device_type: str = "desktop") -> Session:
        """Register unless registered, and log in with a device of its own.

        Args:
            device_type: desktop, mobile, tablet or web.
        """
        await self.register()
        return await self.login_again(device_type)

    async def login_again(self, device_type: str = "desktop") -> Session:
        """Log in to an account that exists."""
        body = {
            "email": self.email,
            "password": _PASSWORD,
            "device_name": f"{device_type} of user {self._user.id}",
            "device_type": device_type,
        }
        data = await _call(self._user, "POST", "/auth/login", body)
        return Session(self._user, device_type, data)


class Session:
    """A user that is logged in on one device.

    Attributes:
        user_id: The account's id.
        device_id: The device's id.
        id: The session's id.
    """

    def __init__(self, user: User, device_type: str, login: Mapping[str, Any]) -> None:
        self._user = user
        self._device_type = device_type
        self.user_id: str = login["user"]["id"]
        self.device_id: str = login["device"]["id"]
        self.id: str = login["session"]["id"]
        self._access: str = login["access_token"]
        self._refresh: str = login["refresh_token"]

    def __repr__(self) -> str:
        return f"<Session {self.id} of user {self.user_id} on a {self._device_type}>"

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Any route under /api/v1 as this user; the `data` of its answer."""
        headers = {"Authorization": f"Bearer {self._access}", "X-Device-ID": self.device_id}
        return await _call(self._user, method, path, body, headers=headers)

    async def refresh(self) -> None:
        """Exchange the refresh token for a new pair."""
        body = {"refresh_token": self._refresh, "device_id": self.device_id}
        data = await _call(self._user, "POST", "/auth/refresh", body)
        self._access, self._refresh = data["access_token"], data["refresh_token"]

    async def logout(self) -> None:
        """End the session."""
        headers = {"Authorization": f"Bearer {self._access}", "X-Session-ID": self.id}
        await _call(self._user, "POST", "/auth/logout", None, headers=headers)

    async def profile(self) -> Any:
        """The user's profile."""
        return await self.call("GET", "/users/profile")

    async def devices(self) -> Any:
        """The user's devices."""
        return await self.call("GET", "/users/devices")

    async def conversations(self, limit: int = 20) -> Any:
        """The user's conversations, newest first."""
        return await self.call("GET", f"/conversations?limit={limit}")

    async def search(self, text: str) -> Any:
        """The user's messages that contain a text."""
        return await self.call("GET", f"/messages/search?q={quote(text)}")

    async def create_conversation(self, title: str = "A conversation under load") -> Conversation:
        """Begin a conversation that the user owns."""
        data = await self.call("POST", "/conversations", {"title": title})
        return Conversation(self, _id_in(data, "conversation"))

    async def connect(self) -> Device:
        """Open the device's WebSocket and register on it: two operations."""
        query = urlencode(
            {
                "deviceId": self.device_id,
                "userId": self.user_id,
                "deviceType": "mobile" if self._device_type == "mobile" else "desktop",
                "platform": "linux",
                "version": "1.0.0",
                "token": self._access,
            }
        )
        socket = await self._user.websocket.connect(f"/ws?{query}", correlate=_key_of)
        device = Device(socket, self._user, self)
        await device.register()
        return device


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation, by its id."""

    session: Session
    id: str

    async def post(self, content: str) -> Any:
        """Add a message to it."""
        return await self.session.call("POST", f"/conversations/{self.id}/messages", {"content": content})

    async def messages(self, limit: int = 20) -> Any:
        """Its messages."""
        return await self.session.call("GET", f"/conversations/{self.id}/messages?limit={limit}")

    async def archive(self) -> None:
        """Take it out of the list."""
        await self.session.call("DELETE", f"/conversations/{self.id}")


class Device:
    """A device on its WebSocket.

    Attributes:
        id: The device's id, to which other devices send.
    """

    def __init__(self, socket: WebSocket, user: User, session: Session) -> None:
        self._socket = socket
        self._user = user
        self._session = session
        self.id = session.device_id

    def __repr__(self) -> str:
        return f"<Device {self.id} on {self._socket!r}>"

    async def register(self) -> None:
        """Answer the server's challenge; part of `Session.connect`."""
        capabilities = {"supportsFileSync": True, "supportsNotifications": True, "maxFileSize": 2**20}
        payload = {
            "id": self.id,
            "userId": self._session.user_id,
            "type": "desktop",
            "platform": "linux",
            "version": "1.0.0",
            "capabilities": capabilities,
        }
        frame = self._frame("device_register", payload, None)
        await self._socket.request(json.dumps(frame), key=_REGISTRATION, name="WS device_register", wrong=_refusal)

    async def send(self, text: str, to: str | None = None) -> None:
        """Send a message to one device of the user, or to all others, and wait for the server's word of delivery."""
        frame = self._frame("user_message", {"content": text}, to) | {"requiresAck": True}
        await self._socket.request(json.dumps(frame), key=frame["id"], name="WS user_message", wrong=_refusal)

    async def receive(self, timeout_s: float = 30.0) -> dict[str, Any]:
        """The next message of type user_message from another device; others are passed over."""
        while True:
            frame = _frame_of(await self._socket.receive(timeout_s))
            if frame.get("type") == "user_message":
                return frame

    async def close(self) -> None:
        """Close the WebSocket."""
        await self._socket.close()

    def _frame(self, kind: str, payload: dict[str, Any], to: str | None) -> dict[str, Any]:
        frame = {
            "id": str(UUID(int=self._user.random.getrandbits(128), version=4)),
            "type": kind,
            "fromDeviceId": self.id,
            "userId": self._session.user_id,
            "payload": payload,
            "timestamp": datetime.now(UTC).isoformat(),
            "priority": 1,
            "requiresAck": False,
        }
        return frame if to is None else frame | {"toDeviceId": to}


async def _call(user: User, method: str, path: str, body: Any, **options: Any) -> Any:
    name = f"{method} {route_of(path)}"
    response: Response = await user.http.request(method, _PREFIX + path, json=body, name=name, **options)
    if response.status >= 400 and response.status not in options.get("expect", ()):  # noqa: PLR2004 - RFC 9110, 15
        error = UnexpectedAnswer(f"{name}: status {response.status}", kind=f"status {response.status}")
        error.counted = True
        raise error
    return response.json().get("data")


def _id_in(data: Mapping[str, Any], name: str) -> str:
    """The id of a thing, whether the answer wraps it under its name or not."""
    return str((data.get(name) or data)["id"])


def _frame_of(message: Message) -> dict[str, Any]:
    frame = json.loads(message)
    if not isinstance(frame, dict):
        raise ValueError(f"not a frame: {message!r:.200}")  # noqa: TRY004 - bad bytes from outside, not a caller's mistake
    return frame


def _key_of(message: Message) -> str | None:
    """The id of the message that an `ack` or `error` answers; the one of the registration carries none."""
    frame = _frame_of(message)
    if frame.get("type") not in {"ack", "error"}:
        return None
    original = (frame.get("payload") or {}).get("originalMessageId")
    return str(original) if original and "sessionId" not in frame["payload"] else _REGISTRATION


def _refusal(message: Message) -> str | None:
    frame = _frame_of(message)
    if frame["type"] == "error" or (frame.get("payload") or {}).get("status") == "failed":
        return f"refused: {json.dumps(frame.get('payload'))[:300]}"
    return None
