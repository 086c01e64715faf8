"""Servers with one defect each: the reference server behind a proxy that spoils one thing."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

API = "/api/v1"
_HOP = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-encoding"})
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def with_token(self, token: str) -> Request:
        return replace(self, headers=self.headers | {"Authorization": f"Bearer {token}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True, kw_only=True)
class Link:
    """A client's WebSocket and the one to the server behind; `notes` are the defect's own."""

    client: web.WebSocketResponse
    server: aiohttp.ClientWebSocketResponse
    notes: list[Any] = field(default_factory=list)


def failure(status: int, code: str) -> Answer:
    body = json.dumps({"success": False, "error": "wrong on purpose", "code": code}).encode()
    return Answer(status=status, headers={"Content-Type": "application/json", "X-Instance-ID": "wrong"}, body=body)


class WrongCCS:
    """Forwards everything as it is, and remembers who has logged in; a defect overrides what it spoils."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.http: aiohttp.ClientSession
        self.runner: web.AppRunner
        self.tokens: dict[str, str] = {}  # by device
        self.emails: dict[str, str] = {}  # by token
        self.passwords: dict[str, str] = {}  # by e-mail

    async def answer(self, request: Request) -> Answer:
        return await self.forward(request)

    async def to_server(self, link: Link, message: aiohttp.WSMessage) -> None:
        if message.type is WSMsgType.TEXT:
            await link.server.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await link.server.send_bytes(message.data)

    async def to_client(self, link: Link, text: str) -> None:
        await link.client.send_str(text)

    def query(self, query: dict[str, str]) -> dict[str, str]:
        return query

    async def forward(self, request: Request) -> Answer:
        url = self.upstream + request.url
        async with self.http.request(
            request.method, url, headers=request.headers, data=io.BytesIO(request.body)
        ) as response:
            headers = {name: value for name, value in response.headers.items() if name.lower() not in _HOP}
            answer = Answer(status=response.status, headers=headers, body=await response.read())
            if response.headers.get("Content-Encoding") == "gzip":
                headers["X-Was"] = "gzip"
        if (request.method, request.path) == ("POST", f"{API}/auth/login") and answer.status == 200:
            self._remember(json.loads(request.body), answer.json["data"])
        return answer

    def _remember(self, login: Any, data: Any) -> None:
        self.tokens[data["device"]["id"]] = data["access_token"]
        self.emails[data["access_token"]] = login["email"]
        self.passwords[login["email"]] = login["password"]

    async def serve_http(self, request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        asked = Request(
            method=request.method,
            path=request.path,
            url=request.path_qs,
            headers=headers,
            body=await request.read(),
        )
        answer = await self.answer(asked)
        response = web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        if response.headers.pop("X-Was", None) and "gzip" in request.headers.get("Accept-Encoding", ""):
            response.enable_compression(web.ContentCoding.gzip)
        return response

    async def serve_websocket(self, request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse(max_msg_size=0)
        await client.prepare(request)
        url = f"{self.upstream}/ws"
        async with self.http.ws_connect(url, params=self.query(dict(request.query)), max_msg_size=0) as server:
            link = Link(client=client, server=server)
            back = asyncio.create_task(self._back(link))
            with suppress(ConnectionError, RuntimeError):
                async for message in client:
                    await self.to_server(link, message)
            await server.close()
            await back
        return client

    async def _back(self, link: Link) -> None:
        with suppress(ConnectionError, RuntimeError):
            async for message in link.server:
                await self.to_client(link, message.data)
            await link.client.close(code=link.server.close_code or 1000)


class LoginTokensAreUseless(WrongCCS):
    """Login hands out tokens that no protected route accepts."""

    async def answer(self, request: Request) -> Answer:
        answer = await self.forward(request)
        if (request.path, answer.status) != (f"{API}/auth/login", 200):
            return answer
        body = answer.json
        body["data"]["access_token"] += "x"
        return replace(answer, body=json.dumps(body).encode())


class LogoutEndsNothing(WrongCCS):
    """A logout leaves the access token valid."""

    async def answer(self, request: Request) -> Answer:
        if request.path == f"{API}/auth/logout":
            request = replace(request, method="GET", path=f"{API}/auth/me", url=f"{API}/auth/me")
        return await self.forward(request)


class NewPasswordEndsNothing(WrongCCS):
    """A password change leaves the tokens of other sessions valid."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.changed: set[str] = set()

    async def answer(self, request: Request) -> Answer:
        answer = await self.forward(request)
        if request.path == f"{API}/users/change-password" and answer.status == 200:
            self.passwords[self.emails[request.token]] = json.loads(request.body)["new_password"]
            self.changed.add(self.emails[request.token])
        email = self.emails.get(request.token, "")
        if answer.status != 401 or email not in self.changed:
            return answer
        return await self.forward(request.with_token(await self._log_in(email)))

    async def _log_in(self, email: str) -> str:
        login = {
            "email": email,
            "password": self.passwords[email],
            "device_name": "proxy",
            "device_type": "desktop",
        }
        async with self.http.post(f"{self.upstream}{API}/auth/login", json=login) as response:
            return str((await response.json())["data"]["access_token"])


class AnyoneReadsMessages(WrongCCS):
    """Any user can read any conversation's messages."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.owners: dict[str, str] = {}

    async def answer(self, request: Request) -> Answer:
        answer = await self.forward(request)
        if (request.method, request.path, answer.status) == ("POST", f"{API}/conversations", 201):
            self.owners[answer.json["data"]["conversation"]["id"]] = request.token
        parts = request.path.removeprefix(API).split("/")
        if (request.method, answer.status, parts[-1]) == ("GET", 403, "messages") and parts[2] in self.owners:
            return await self.forward(request.with_token(self.owners[parts[2]]))
        return answer


class AnyoneClaimsAnyone(WrongCCS):
    """A WebSocket client may claim any user and send in that user's name."""

    def query(self, query: dict[str, str]) -> dict[str, str]:
        return query | {"token": self.tokens.get(query["deviceId"], query["token"])}


class ListingFails(WrongCCS):
    """Listing conversations always fails."""

    async def answer(self, request: Request) -> Answer:
        if (request.method, request.path) == ("GET", f"{API}/conversations"):
            return failure(500, "INTERNAL_ERROR")
        return await self.forward(request)


class UnevenUploadsAreCorrupted(WrongCCS):
    """Uploads whose size does not divide evenly by the chunk count are stored corrupted, yet answered "completed"."""

    async def answer(self, request: Request) -> Answer:
        answer = await self.forward(request)
        uneven = len(answer.body) > _MIB and len(answer.body) % _MIB
        if request.path.endswith("/download") and answer.status == 200 and uneven:
            return replace(answer, body=answer.body[:-1] + bytes([answer.body[-1] ^ 1]))
        return answer


class BadFrameKills(WrongCCS):
    """One unparsable WebSocket frame kills the server."""

    async def to_server(self, link: Link, message: aiohttp.WSMessage) -> None:
        try:
            json.loads(message.data if len(message.data) < _MIB else "{}")
        except ValueError:
            for site in list(self.runner.sites):
                await site.stop()
            raise ConnectionResetError from None
        await super().to_server(link, message)


class QueueIsLastInFirstOut(WrongCCS):
    """Messages of one priority leave the queue last-in-first-out."""

    async def to_client(self, link: Link, text: str) -> None:
        if json.loads(text)["type"] != "user_message":
            await super().to_client(link, text)
            return
        link.notes.append(text)
        if len(link.notes) == 1:
            await asyncio.sleep(0.2)
            while link.notes:
                with suppress(ConnectionError, RuntimeError):
                    await super().to_client(link, link.notes.pop())

    async def _back(self, link: Link) -> None:
        waiting = set()
        async for message in link.server:
            task = asyncio.create_task(self.to_client(link, message.data))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
            await asyncio.sleep(0)
        with suppress(ConnectionError, RuntimeError):
            await link.client.close(code=link.server.close_code or 1000)
        await asyncio.gather(*waiting)


class CommandsRunWithoutLimit(WrongCCS):
    """The concurrency limit of the command queue is not kept."""

    async def to_client(self, link: Link, text: str) -> None:
        frame = json.loads(text)
        if frame["type"] == "task_start":
            link.notes.append(frame)
            if len(link.notes) >= 10:
                await link.server.send_str(json.dumps(_completed(link.notes.pop(0))))
        await super().to_client(link, text)

    async def to_server(self, link: Link, message: aiohttp.WSMessage) -> None:
        if '"task_status"' in str(message.data):
            done = json.loads(message.data)["payload"]["commandId"]
            link.notes = [frame for frame in link.notes if frame["payload"]["commandId"] != done]
        await super().to_server(link, message)


class BadJsonIsOurFault(WrongCCS):
    """Malformed JSON is answered 500."""

    async def answer(self, request: Request) -> Answer:
        answer = await self.forward(request)
        if answer.status == 400 and answer.json.get("code") == "INVALID_JSON":
            return failure(500, "INTERNAL_ERROR")
        return answer


class CommandsAreNotOffered(WrongCCS):
    """No defect: commands are not offered."""

    async def answer(self, request: Request) -> Answer:
        if request.path.startswith(f"{API}/commands"):
            return failure(404, "NOT_FOUND")
        return await self.forward(request)


def _completed(task: dict[str, Any]) -> dict[str, Any]:
    done = {"commandId": task["payload"]["commandId"], "status": "completed", "result": {}}
    return task | {"type": "task_status", "fromDeviceId": task["toDeviceId"], "toDeviceId": "server", "payload": done,
                   "requiresAck": False}  # fmt: skip


@asynccontextmanager
async def serving(wrong: WrongCCS) -> AsyncIterator[str]:
    """The server with the defect; its URL."""
    app = web.Application(client_max_size=64 * _MIB)
    app.router.add_get("/ws", wrong.serve_websocket)
    app.router.add_route("*", "/{path:.*}", wrong.serve_http)
    wrong.runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    async with aiohttp.ClientSession() as wrong.http:
        await wrong.runner.setup()
        await web.TCPSite(wrong.runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{wrong.runner.addresses[0][1]}"
        finally:
            await wrong.runner.cleanup()
