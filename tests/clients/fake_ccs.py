"""A small server that speaks the wire format of the CCS and keeps no data, and a user of it."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from pytest_roo_load.clients.ccs import CCS, Device
from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.clients.websocket.client import WebSocketClient
from pytest_roo_load.core.accounts import Account
from pytest_roo_load.engine.recorder import PhaseRecorder

CONVERSATION = "0b8a6a0e-1111-4222-8333-444455556666"
_LOGIN = {
    "user": {"id": "u-1"},
    "session": {"id": "s-1"},
    "device": {"id": "d-1"},
    "access_token": "access-1",
    "refresh_token": "refresh-1",
}
_ANSWERS: dict[tuple[str, str], tuple[int, Any]] = {
    ("POST", "/auth/register"): (409, None),
    ("POST", "/auth/login"): (200, _LOGIN),
    ("POST", "/auth/refresh"): (200, {"access_token": "access-2", "refresh_token": "refresh-2"}),
    ("POST", "/auth/logout"): (200, None),
    ("GET", "/users/profile"): (200, {"user": {"id": "u-1"}}),
    ("GET", "/users/devices"): (200, {"devices": []}),
    ("GET", "/conversations"): (200, {"conversations": []}),
    ("POST", "/conversations"): (201, {"conversation": {"id": CONVERSATION}}),
    ("POST", f"/conversations/{CONVERSATION}/messages"): (201, {"message": {"id": "m-1"}}),
    ("GET", f"/conversations/{CONVERSATION}/messages"): (200, {"messages": [1]}),
    ("DELETE", f"/conversations/{CONVERSATION}"): (200, {}),
    ("GET", "/messages/search"): (200, {"messages": []}),
}


class FakeCCS:
    """Answers from a table; what it was asked is kept."""

    def __init__(self) -> None:
        self.answers = dict(_ANSWERS)
        self.requests: list[web.Request] = []
        self.bodies: list[Any] = []
        self.register_answer: tuple[str, dict[str, Any]] = ("ack", {"status": "success", "sessionId": "s-1"})
        self.delivery: dict[str, Any] = {"status": "delivered"}
        self.extra: list[str] = []
        self.raw: dict[tuple[str, str], web.Response] = {}

    async def rest(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        self.bodies.append(await request.json() if request.can_read_body else None)
        raw = self.raw.get((request.method, request.path.removeprefix("/api/v1")))
        if raw is not None:  # aiohttp's answers were false until 3.12, being empty mappings
            return web.Response(status=raw.status, text=raw.text)
        status, data = self.answers[request.method, request.path.removeprefix("/api/v1")]
        if status >= 400:
            return web.json_response({"success": False, "error": "no", "code": "NO"}, status=status)
        return web.json_response({"success": True, "data": data}, status=status)

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        self.requests.append(request)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.send_json({"type": "device_register", "payload": {}})
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                await self._answer(ws, json.loads(message.data))
        return ws

    async def _answer(self, ws: web.WebSocketResponse, sent: dict[str, Any]) -> None:
        self.bodies.append(sent)
        if sent["type"] == "device_register":
            kind, payload = self.register_answer
            await ws.send_json({"type": kind, "payload": payload})
            return
        if sent.get("toDeviceId") == "server":
            return
        for text in self.extra:
            await ws.send_str(text)
        payload = {"originalMessageId": sent["id"], **self.delivery}
        await ws.send_json({"type": "ack", "payload": payload})
        await ws.send_json({"type": "typing", "payload": {}})
        await ws.send_json({"type": "user_message", "payload": {"content": "from elsewhere"}})


class FakeUser:
    """The part of a virtual user that clients need."""

    def __init__(self, url: str, account: Account | None) -> None:
        self.id, self.run, self.random, self.account = 7, "abc", random.Random(1), account
        self.recorder = PhaseRecorder("steady")
        self.http = HttpClient(url, self.recorder, Sweeper())
        self.websocket = WebSocketClient(url, self.recorder, Sweeper())


@asynccontextmanager
async def between(fake: FakeCCS, account: Account | None = None) -> AsyncIterator[Any]:
    """A user of the fake server."""
    app = web.Application()
    app.router.add_get("/ws", fake.socket)
    app.router.add_route("*", "/{path:.*}", fake.rest)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    user = FakeUser(f"http://127.0.0.1:{runner.addresses[0][1]}", account)
    try:
        yield user
    finally:
        await user.websocket.close()
        await user.http.close()
        await runner.cleanup()


async def device_of(user: Any) -> Device:
    session = await CCS(user).login()
    return await session.connect()
