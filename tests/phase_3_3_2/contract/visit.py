"""A visit to a CCS: the people that the statements need, and what they ask it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from pytest_roo_load.clients.ccs.calling import answer_of, is_offered
from pytest_roo_load.core.accounts import Account

from .socket import Socket

__all__ = ["PASSWORD", "Answer", "NotChecked", "Person", "Place", "Visit", "new_email"]

PASSWORD = "Visitor-of-1-contract!"
_PREFIX = "/api/v1"
_BARE = ("/health", "/metrics")
_LIMIT_S = 15.0
_EXPENDABLE = 2


class NotChecked(Exception):
    """A statement could not be checked: the server does not offer it, or lets nobody in."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """A user on one device, as the server knows it."""

    user_id: str
    email: str
    device_id: str
    password: str = field(repr=False)
    token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    session_id: str = ""


@dataclass(kw_only=True)
class Place:
    """The server that is visited, and the people who are there already; kept between visits."""

    url: str
    websocket_url: str | None = None
    accounts: tuple[Account, ...] = ()
    people: dict[str, list[Person]] = field(default_factory=dict)

    def account_of(self, number: int) -> Account | None:
        """The account of the contract's n-th person: from the end of the file, for load begins at its beginning."""
        return self.accounts[-1 - number] if number < len(self.accounts) else None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        return self.json()["data"]

    def must_be(self, status: int | Collection[int], code: str | None = None) -> Answer:
        """This answer, if it has the status and, in the envelope of errors, the code."""
        allowed = (status,) if isinstance(status, int) else status
        assert self.status in allowed, f"expected status {' or '.join(map(str, allowed))}, got {answer_of(self)}"
        if code is not None:
            assert self.json().get("code") == code, f"expected code {code}, got {answer_of(self)}"
            assert self.json().get("success") is False, f"expected success false, got {answer_of(self)}"
        return self


class Visit:
    """One statement's visit to a place."""

    def __init__(self, place: Place, http: aiohttp.ClientSession) -> None:
        self.place = place
        self._http = http

    @classmethod
    @asynccontextmanager
    async def to(cls, place: Place) -> AsyncIterator[Visit]:
        """Begin and end a visit."""
        timeout = aiohttp.ClientTimeout(total=_LIMIT_S)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            yield cls(place, http)

    async def ask(self, method: str, path: str, json: Any = None, *, by: Person | None = None, **more: Any) -> Answer:
        """Ask a route, as a person or as nobody.

        Raises:
            NotChecked: The server has no such route.
        """
        answer = await self.ask_anyway(method, path, json, by=by, **more)
        if not is_offered(answer):
            raise NotChecked(f"not offered: {method} {path}: {answer_of(answer)}")
        return answer

    async def ask_anyway(
        self, method: str, path: str, json: Any = None, *, by: Person | None = None, **more: Any
    ) -> Answer:
        """Ask a path that need not be a route."""
        headers = dict(more.pop("headers", {}))
        if by is not None:
            headers |= {"Authorization": f"Bearer {by.token}", "X-Device-ID": by.device_id}
        options = more if json is None else more | {"json": json}
        url = self.place.url + (path if path.startswith(_BARE) else _PREFIX + path)
        async with self._http.request(method, url, headers=headers, **options) as response:
            return Answer(status=response.status, headers=response.headers, body=await response.read())

    async def answer_to(self, path: str, body: bytes) -> Answer:
        """The answer to a JSON body, perhaps before it has come whole; then the rest is not sent.

        Raises:
            NotChecked: The server has no such route.
        """
        where = urlsplit(self.place.url)
        tls = where.scheme == "https"
        head = (
            f"POST {where.path}{_PREFIX}{path} HTTP/1.1\r\nHost: {where.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        async with asyncio.timeout(_LIMIT_S):
            reader, writer = await asyncio.open_connection(where.hostname, where.port or (443 if tls else 80), ssl=tls)
            try:
                writer.write(head.encode("ascii") + body)
                answer = await _read_from(reader)
            finally:
                writer.transport.abort()
                with suppress(OSError):  # what was not sent any more
                    await writer.wait_closed()
        if not is_offered(answer):
            raise NotChecked(f"not offered: POST {path}: {answer_of(answer)}")
        return answer

    async def person(self, number: int = 0) -> Person:
        """The n-th person of the contract; the same in every visit to a place.

        Raises:
            NotChecked: There is no account for that person, and a new one gets no token that is good for anything.
        """
        return (await self._devices_of(number))[0]

    async def second_device(self, number: int = 0) -> Person:
        """The n-th person on another device."""
        devices = await self._devices_of(number)
        if len(devices) == 1:
            devices.append(await self.again(devices[0]))
        return devices[1]

    async def again(self, person: Person) -> Person:
        """The person in a new session on a new device, which may be spoilt.

        Raises:
            NotChecked: Logging in gives no token that is good for anything.
        """
        session = await self.log_in(person.email, person.password)
        found = await self.ask("GET", "/users/profile", by=session)
        if found.status != 200:
            raise NotChecked(
                f"a login gives no usable token, and the accounts have too few devices: {answer_of(found)}"
            )
        return session

    async def expendable(self) -> tuple[Person, Person]:
        """Two sessions of one user that may be spoilt.

        Those of a new user; where logging in gives no usable token, those of the third account from the end.

        Raises:
            NotChecked: There is no such account, or it has one device only.
        """
        try:
            person = await self.newcomer()
            return person, await self.again(person)
        except NotChecked:
            return await self.person(_EXPENDABLE), await self.second_device(_EXPENDABLE)

    async def register(self, **fields: Any) -> Answer:
        """Make an account."""
        body = {"email": new_email(), "password": PASSWORD, "display_name": "Visitor"} | fields
        return await self.ask("POST", "/auth/register", body)

    async def newcomer(self) -> Person:
        """A user that nobody else knows."""
        email = new_email()
        (await self.register(email=email)).must_be(201)
        return await self.again(Person(user_id="", email=email, password=PASSWORD, device_id="", token=""))

    async def log_in(self, email: str, password: str = PASSWORD) -> Person:
        """Log in on a new device."""
        body = {"email": email, "password": password, "device_name": "contract", "device_type": "desktop"}
        data = (await self.ask("POST", "/auth/login", body)).must_be(200).data
        return Person(
            user_id=data["user"]["id"],
            email=email,
            device_id=data["device"]["id"],
            password=password,
            token=data["access_token"],
            refresh_token=data["refresh_token"],
            session_id=data["session"]["id"],
        )

    async def conversation(self, owner: Person, **fields: Any) -> str:
        """A new conversation's path."""
        data = (await self.ask("POST", "/conversations", {"title": "Contract"} | fields, by=owner)).must_be(201).data
        return f"/conversations/{(data.get('conversation') or data)['id']}"

    async def message(self, path: str, content: str, by: Person) -> Any:
        """A new message in a conversation."""
        data = (await self.ask("POST", f"{path}/messages", {"content": content}, by=by)).must_be(201).data
        return data.get("message") or data

    @asynccontextmanager
    async def socket(self, person: Person, **claims: str) -> AsyncIterator[Socket]:
        """The person's WebSocket, registered."""
        async with self.open_socket(person, **claims) as socket:
            await socket.register()
            yield socket

    @asynccontextmanager
    async def open_socket(self, person: Person, **claims: str) -> AsyncIterator[Socket]:
        """The person's WebSocket, not registered yet; `claims` are `user_id` and `device_id` of somebody else."""
        claimed = replace(person, **claims)
        query = {"deviceId": claimed.device_id, "userId": claimed.user_id, "deviceType": "desktop",
                 "platform": "linux", "version": "1.0.0", "token": person.token}  # fmt: skip
        url = self.place.websocket_url or f"{self.place.url}/ws"
        try:
            raw = await self._http.ws_connect(url, params=query, max_msg_size=0, autoping=True)
        except aiohttp.WSServerHandshakeError as error:
            raise NotChecked(f"not offered: WS /ws: status {error.status}") from error
        async with raw:
            yield Socket(raw, user_id=claimed.user_id, device_id=claimed.device_id)

    async def _devices_of(self, number: int) -> list[Person]:
        key = str(number)
        if key not in self.place.people:
            account = self.place.account_of(number)
            self.place.people[key] = [await self.newcomer()] if account is None else _people_of(account)
        return self.place.people[key]


def new_email() -> str:
    """An address that nobody has."""
    return f"{uuid.uuid4().hex}@contract.test"


async def _read_from(reader: asyncio.StreamReader) -> Answer:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as error:
        raise AssertionError(f"the connection ended before an answer: {error.partial[:80]!r}") from error
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(status=int(first.split()[1]), headers=headers, body=body)


def _people_of(account: Account) -> list[Person]:
    return [
        Person(
            user_id=account.user_id,
            email=account.email,
            device_id=device.device_id,
            password=account.password,
            token=device.token,
        )
        for device in account.devices
    ]
