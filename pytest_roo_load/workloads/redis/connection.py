"""A connection to Redis: hiredis' parser on a bare asyncio protocol, for the hot path is what is measured."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import hiredis

from pytest_roo_load.errors import ConnectError, ConnectionLost, UnexpectedAnswer, UsageError

__all__ = ["Address", "Redis", "Refusal", "command", "connect"]

CONNECT_S = 10.0
_NOTHING = object()


class Refusal(Exception):
    """An error that the server answered with: "OOM command not allowed ..."."""

    @property
    def kind(self) -> str:
        """Its first word: OOM, NOPERM, MOVED, WRONGTYPE, ERR ..."""
        return str(self).partition(" ")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server is and who logs in there."""

    host: str
    port: int
    database: int = 0
    user: str | None = None
    password: str | None = None
    tls: bool = False

    def __repr__(self) -> str:
        return f"Address({self.host}:{self.port}/{self.database})"

    @property
    def url(self) -> str:
        """Where it is, without who logs in."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.tls else 'redis'}://{host}:{self.port}/{self.database}"

    @classmethod
    def of(cls, url: str) -> Address:
        """The address in a URL: redis://[[user]:password@]host[:port][/database], or rediss:// for TLS.

        Raises:
            UsageError: It is none.
        """
        parts = urlsplit(url)
        path = parts.path.strip("/") or "0"
        if parts.scheme not in {"redis", "rediss"} or not parts.hostname or not path.isdecimal():
            allowed = "redis://[[user]:password@]host[:port][/database], rediss:// with TLS"
            raise UsageError("not the URL of a Redis", value=f"{parts.scheme}://{parts.hostname}", allowed=allowed)
        return cls(
            host=parts.hostname,
            port=parts.port or 6379,
            database=int(path),
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=parts.scheme == "rediss",
        )


def command(*parts: str | bytes | float) -> bytes:
    """A command as the protocol has it (RESP2)."""
    encoded = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
    return b"".join([b"*%d\r\n" % len(encoded), *(b"$%d\r\n%b\r\n" % (len(part), part) for part in encoded)])


class Redis(asyncio.Protocol):
    """Sends commands and gives their answers in order.

    Attributes:
        refusals: How many answers were a `Refusal`, so that most need not be looked through.
        listener: Gets every answer in place of who sent commands: for a connection that has subscribed.
    """

    def __init__(self) -> None:
        self.refusals = 0
        self.listener: Callable[[Any], None] | None = None
        self._reader = hiredis.Reader(replyError=self._refused, notEnoughData=_NOTHING)
        self._transport: Any = None
        self._answers: list[Any] = []
        self._expected = 0
        self._future: asyncio.Future[list[Any]] | None = None
        self._queue: deque[tuple[asyncio.Future[list[Any]], int]] = deque()
        self._lost: ConnectionLost | None = None
        self._loop = asyncio.get_running_loop()

    def __repr__(self) -> str:
        return f"<Redis {'closed' if self._lost else 'open'}, {len(self._queue) + (self._future is not None)} awaited>"

    def _refused(self, text: str) -> Refusal:
        self.refusals += 1
        return Refusal(text)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of `asyncio.Protocol`."""
        self._transport = transport

    def send(self, data: bytes, answers: int = 1) -> asyncio.Future[list[Any]]:
        """Send commands in one piece; the future gets that many answers.

        Raises:
            ConnectionLost: The connection has ended.
        """
        if self._lost is not None:
            raise ConnectionLost(str(self._lost))
        future = self._loop.create_future()
        if self._future is None:
            self._future, self._expected = future, answers
        else:
            self._queue.append((future, answers))
        self._transport.write(data)
        return future

    async def ask(self, *parts: str | bytes | float) -> Any:
        """One command and its answer.

        Raises:
            Refusal: The server answered with an error.
            ConnectionLost: The connection ended before the answer came.
        """
        (answer,) = await self.send(command(*parts))
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def send_and_forget(self, *parts: str | bytes | float) -> None:
        """One command whose answer nobody waits for."""
        self.send(command(*parts)).add_done_callback(lambda future: future.cancelled() or future.exception())

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended."""
        return self._lost is not None

    def data_received(self, data: bytes) -> None:
        """Part of `asyncio.Protocol`."""
        self._reader.feed(data)
        next_one = self._reader.gets
        while (answer := next_one()) is not _NOTHING:
            if self.listener is not None:
                self.listener(answer)
                continue
            self._answers.append(answer)
            if len(self._answers) == self._expected:
                self._deliver()

    def _deliver(self) -> None:
        future, answers = self._future, self._answers
        self._answers = []
        if self._queue:
            self._future, self._expected = self._queue.popleft()
        else:
            self._future, self._expected = None, 0
        if future is not None and not future.done():
            future.set_result(answers)

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of `asyncio.Protocol`: nobody waits for an answer that cannot come."""
        self._lost = ConnectionLost(str(exc) if exc else "the server closed the connection")
        waiting = [future for future, _ in self._queue]
        self._queue.clear()
        for future in [*([self._future] if self._future else []), *waiting]:
            if not future.done():
                future.set_exception(ConnectionLost(str(self._lost)))
        self._future = None

    def close(self) -> None:
        """Close it at once; idempotent."""
        if self._transport is not None:
            self._transport.abort()


async def connect(address: Address) -> Redis:
    """Open a connection and log in.

    Raises:
        ConnectError: Nobody answers in ten seconds, or the login is refused.
    """
    context = ssl.create_default_context() if address.tls else None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_S):
            _, connection = await loop.create_connection(Redis, address.host, address.port, ssl=context)
            await _log_in(connection, address)
    except (OSError, ConnectionLost) as error:  # TimeoutError is an OSError
        raise ConnectError(str(error) or type(error).__name__) from error
    return connection


async def _log_in(connection: Redis, address: Address) -> None:
    try:
        if address.password is not None:
            await connection.ask("AUTH", *([address.user] if address.user else []), address.password)
        if address.database:
            await connection.ask("SELECT", address.database)
        await connection.ask("ECHO", "")  # unlike PING it is answered when the disk is full
    except Refusal as refusal:
        connection.close()
        raise ConnectError(f"the login is refused: {refusal}") from refusal
    except BaseException:
        connection.close()
        raise


def first_refusal(answers: list[Any]) -> UnexpectedAnswer | None:
    """The error for the first answer that is a refusal, or holds one as the answers of a transaction may."""
    for answer in answers:
        for one in (answer, *(answer if isinstance(answer, list) else ())):
            if isinstance(one, Refusal):
                return UnexpectedAnswer(str(one), kind=one.kind)
    return None
