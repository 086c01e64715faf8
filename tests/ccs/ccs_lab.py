"""A client for the server's tests: plain aiohttp, one user per `Person`."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

PASSWORD = "Correct-horse1!"
API = "/api/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def data(self) -> Any:
        assert self.body["success"] is True, self.body
        return self.body["data"]

    @property
    def code(self) -> str:
        assert self.body["success"] is False, self.body
        return str(self.body["code"])


class Api:
    """Requests of one client, with the token it was given."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str | None = None) -> None:
        self.http = http
        self.url = url
        self.token = token

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        headers = dict(options.pop("headers", {}))
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None:
            options["json"] = body
        where = path if path.startswith(("/health", "/metrics", "/ws")) else API + path
        async with self.http.request(method, self.url + where, headers=headers, **options) as response:
            text = await response.text()
            return Answer(status=response.status, body=_json_or_text(text), headers=response.headers)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.call("POST", path, {} if body is None else body, **options)

    async def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.call("PUT", path, body, **options)

    async def delete(self, path: str) -> Answer:
        return await self.call("DELETE", path)


@dataclass(kw_only=True)
class Person:
    """A registered user who has logged in; ``api`` speaks with the access token."""

    api: Api
    user_id: str
    email: str
    session_id: str
    device_id: str
    refresh_token: str

    async def again(self, device_name: str = "other") -> Person:
        """Log in once more, at another device."""
        return await log_in(self.api.http, self.api.url, self.email, device_name=device_name)

    async def conversation(self, **fields: Any) -> str:
        """Create a conversation and return its id."""
        answer = await self.api.post("/conversations", fields)
        assert answer.status == 201, answer
        return str(answer.data["conversation"]["id"])

    def frame(self, kind: str = "user_message", **fields: Any) -> dict[str, Any]:
        """Return a frame from this device."""
        return {
            "id": str(uuid.uuid4()),
            "type": kind,
            "fromDeviceId": self.device_id,
            "userId": self.user_id,
            "payload": {"text": "hello"},
            "timestamp": "2026-01-01T00:00:00.000Z",
            "priority": 1,
            "requiresAck": True,
        } | fields

    @asynccontextmanager
    async def websocket(
        self, capabilities: dict[str, bool] | None = None
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open and register this device's WebSocket."""
        async with self.open_websocket() as socket:
            assert (await receive(socket))["type"] == "device_register"
            await socket.send_json(
                self.frame("device_register", payload=self.registration() | {"capabilities": capabilities or {}})
            )
            answer = await receive(socket)
            assert answer["payload"]["status"] == "success", answer
            yield socket

    def open_websocket(self, **query: str) -> Any:
        """Open this device's WebSocket, not registered yet."""
        wanted = {"deviceId": self.device_id, "userId": self.user_id, "token": self.api.token or ""} | query
        return self.api.http.ws_connect(self.api.url + "/ws", params=wanted)

    def registration(self, **fields: str) -> dict[str, Any]:
        """Return what a registration says of this device."""
        return {"id": self.device_id, "userId": self.user_id, "type": "desktop", "platform": "test"} | fields


@asynccontextmanager
async def visit(url: str) -> AsyncIterator[Api]:
    """Return a client without a token."""
    async with aiohttp.ClientSession() as http:
        yield Api(http, url)


async def new_person(api: Api, name: str = "Ada") -> Person:
    """Register a user and log in."""
    email = f"{uuid.uuid4().hex}@example.org"
    answer = await api.post("/auth/register", {"email": email, "password": PASSWORD, "display_name": name})
    assert answer.status == 201, answer
    return await log_in(api.http, api.url, email)


async def log_in(http: aiohttp.ClientSession, url: str, email: str, *, device_name: str = "desk") -> Person:
    """Log in at a new device."""
    body = {"email": email, "password": PASSWORD, "device_name": device_name, "device_type": "desktop"}
    answer = await Api(http, url).post("/auth/login", body)
    assert answer.status == 200, answer
    data = answer.data
    return Person(
        api=Api(http, url, data["access_token"]),
        user_id=data["user"]["id"],
        email=email,
        session_id=data["session"]["id"],
        device_id=data["device"]["id"],
        refresh_token=data["refresh_token"],
    )


async def receive(socket: aiohttp.ClientWebSocketResponse) -> Any:
    """Return the next frame."""
    return json.loads(await socket.receive_str(timeout=5))


async def closed_with(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """Return the code with which the server closes."""
    message = await socket.receive(timeout=5)
    assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}, message
    return socket.close_code


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
