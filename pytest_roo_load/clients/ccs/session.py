"""A session: what a user can do on one device."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from pytest_roo_load.clients.ccs.calling import PREFIX, call, check, operation
from pytest_roo_load.clients.ccs.commands import Command, command_body
from pytest_roo_load.clients.ccs.device import Device
from pytest_roo_load.clients.ccs.files import Content, Upload
from pytest_roo_load.clients.http.response import Response
from pytest_roo_load.clients.http.streaming import StreamedResponse
from pytest_roo_load.core.accounts import Access, Account
from pytest_roo_load.core.ports import User
from pytest_roo_load.errors import UsageError

__all__ = ["Conversation", "Session", "Ticket"]

_OK, _CONFLICT = 200, 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What lets a user in on a device; tokens stay out of the `repr`.

    Attributes:
        session_id: None when only the token is known.
        refresh: None when there is none.
    """

    user_id: str
    device_id: str
    session_id: str | None = None
    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, account: Account, device: Access) -> Ticket:
        """The ticket of one device of an account."""
        return cls(user_id=account.user_id, device_id=device.device_id, access=device.token)


class Session:
    """A user that is logged in on one device.

    Attributes:
        user_id: The account's id.
        device_id: The device's id.
        id: The session's id; None when it comes from the file of accounts.
    """

    def __init__(self, user: User, device_type: str, ticket: Ticket) -> None:
        self._user = user
        self._device_type = device_type
        self.user_id = ticket.user_id
        self.device_id = ticket.device_id
        self.id = ticket.session_id
        self._access = ticket.access
        self._refresh = ticket.refresh

    def __repr__(self) -> str:
        return f"<Session {self.id} of user {self.user_id} on a {self._device_type}>"

    @property
    def headers(self) -> dict[str, str]:
        """What tells the server who asks."""
        return {"Authorization": f"Bearer {self._access}", "X-Device-ID": self.device_id}

    async def call(self, method: str, path: str, json: Any = None, **options: Any) -> Any:
        """Any route under /api/v1 as this user; the `data` of its answer. See `calling.call`."""
        headers = self.headers | dict(options.pop("headers", {}))
        return await call(self._user, method, path, json, headers=headers, **options)

    async def refresh(self) -> None:
        """Exchange the refresh token for a new pair."""
        if self._refresh is None:
            raise UsageError(
                "a session from the file of accounts has no refresh token",
                value="refresh()",
                allowed="sessions of login_again()",
            )
        body = {"refresh_token": self._refresh, "device_id": self.device_id}
        data = await call(self._user, "POST", "/auth/refresh", body)
        self._access, self._refresh = data["access_token"], data["refresh_token"]

    async def logout(self) -> None:
        """End the session."""
        await self.call("POST", "/auth/logout", headers={"X-Session-ID": self.id} if self.id else {})

    async def profile(self) -> Any:
        """The user's profile."""
        return await self.call("GET", "/users/profile")

    async def devices(self) -> Any:
        """The user's devices."""
        return await self.call("GET", "/users/devices")

    async def batch_users(self, operations: Sequence[Mapping[str, Any]]) -> Any:
        """Create, update, deactivate or delete up to 1,000 users; the outcome of each."""
        return await self.call("POST", "/users/batch", {"operations": [*operations]})

    async def conversations(self, limit: int = 20) -> Any:
        """The user's conversations, newest first."""
        return await self.call("GET", f"/conversations?limit={limit}")

    async def search(self, text: str) -> Any:
        """The user's messages that contain a text."""
        return await self.call("GET", f"/messages/search?q={quote(text, safe='')}")

    async def create_conversation(self, title: str = "A conversation under load") -> Conversation:
        """Begin a conversation that the user owns."""
        data = await self.call("POST", "/conversations", {"title": title})
        return Conversation(self, str((data.get("conversation") or data)["id"]))

    async def edit_message(self, message_id: str, content: Any) -> Any:
        """Change one's own message."""
        return await self.call("PUT", f"/messages/{message_id}", {"content": content})

    async def delete_message(self, message_id: str) -> Any:
        """Delete one's own message."""
        return await self.call("DELETE", f"/messages/{message_id}")

    async def command(self, kind: str, targets: Sequence[str] = (), **fields: Any) -> Command:
        """Queue a command.

        Args:
            kind: Such as "device_sync".
            targets: Ids of the devices that execute it; without any the server does.
            fields: `priority` (0 to 4), `payload`, `config` and `idempotency_key`.
        """
        data = await self.call("POST", "/commands", command_body(kind, targets, fields))
        return Command(self.call, data["ids"][0])

    async def commands(self, bodies: Sequence[Mapping[str, Any]]) -> list[Command]:
        """Queue up to 1,000 commands in one request, all or none."""
        data = await self.call("POST", "/commands", [*bodies])
        return [Command(self.call, one) for one in data["ids"]]

    async def command_stats(self) -> Any:
        """How many commands the user has, by status."""
        return (await self.call("GET", "/commands/stats"))["stats"]

    async def start_upload(self, filename: str, content: Content, *, raw: bool = False) -> Upload:
        """Announce a file with its SHA-256; `Upload` sends its chunks, unless `raw` as forms, which every CCS takes."""
        return await Upload.start(self.call, filename, content, raw=raw)

    async def upload(self, filename: str, content: Content, *, raw: bool = False) -> Upload:
        """Send a file, one chunk in memory at a time."""
        upload = await self.start_upload(filename, content, raw=raw)
        await upload.send_all()
        return upload

    async def download(self, file_id: str, part: range | None = None) -> bytes:
        """A file, or the bytes of it in `part`."""
        path = f"/files/{file_id}/download"
        name = operation("GET", path)
        headers = self.headers | _range(part)
        response: Response = await self._user.http.get(PREFIX + path, headers=headers, name=name)
        check(response, name)
        return response.body

    @asynccontextmanager
    async def stream_download(self, file_id: str, start: int = 0) -> AsyncIterator[StreamedResponse]:
        """A file from byte `start` on, piece by piece in constant memory."""
        path = f"/files/{file_id}/download"
        name = operation("GET", path)
        headers = self.headers | ({"Range": f"bytes={start}-"} if start else {})
        async with self._user.http.stream("GET", PREFIX + path, headers=headers, name=name) as answer:
            check(answer, name)
            yield answer

    async def offer_version(self, path: str, version: Mapping[str, Any]) -> Any:
        """Offer this device's version of a path to the user's others; their agreement, or both versions in conflict.

        Args:
            path: In the workspace.
            version: `hash`, `size`, and `base_hash` unless the file is new.

        Returns:
            `{"file", "changed"}`, or `{"conflict": {"local", "remote"}}`.
        """
        body = {"path": path, **version}
        answer = await self.call("POST", "/files/sync", body, expect=(_OK, _CONFLICT))
        return answer["data"] if answer.get("success") else answer

    async def changes(self, since: int | str = 0) -> Any:
        """What has changed of the user's files after a cursor or a time: `{"changes", "cursor", "has_more"}`."""
        return await self.call("GET", f"/files/sync?since={quote(str(since), safe='')}")

    async def all_changes_seen(self) -> int:
        """The cursor behind everything that has changed so far, to ask for what changes from now on."""
        seen = await self.changes()
        while seen["has_more"]:
            seen = await self.changes(seen["cursor"])
        return int(seen["cursor"])

    async def connect(self) -> Device:
        """Open the device's WebSocket and register on it: two operations."""
        kind = "mobile" if self._device_type == "mobile" else "desktop"
        return await Device.connect(
            self._user, {"deviceId": self.device_id, "userId": self.user_id, "deviceType": kind}, self._access
        )


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation, by its id."""

    session: Session
    id: str

    async def post(self, content: Any) -> Any:
        """Add a message to it."""
        return await self.session.call("POST", f"/conversations/{self.id}/messages", {"content": content})

    async def messages(self, limit: int = 20) -> Any:
        """Its messages."""
        return await self.session.call("GET", f"/conversations/{self.id}/messages?limit={limit}")

    async def archive(self) -> None:
        """Take it out of the list."""
        await self.session.call("DELETE", f"/conversations/{self.id}")


def _range(part: range | None) -> dict[str, str]:
    return {} if part is None else {"Range": f"bytes={part.start}-{part.stop - 1}"}
