"""One keep-alive HTTP/1.1 connection: bytes out, one `Response` back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from pytest_roo_load.clients.http.response import Response
from pytest_roo_load.clients.sweeper import IDLE
from pytest_roo_load.errors import ConnectionLost, OperationError, OperationTimeout, ProtocolError

__all__ = ["Connection"]

_INFORMATIONAL = 200


class Connection(asyncio.Protocol):
    """Sends one request at a time and parses its answer.

    Attributes:
        deadline: When the awaited answer must be complete; see `Expiring`.
        reusable: Whether another request may be sent.
    """

    __slots__ = (
        "_answer", "_bodiless", "_body", "_gone", "_headers", "_in_body", "_parser", "_transport", "deadline",
        "reusable",
    )  # fmt: skip

    def __init__(self, gone: Callable[[Connection], None]) -> None:
        self._gone = gone
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._bodiless = False
        self._in_body = False
        self.deadline = IDLE
        self.reusable = True

    def __repr__(self) -> str:
        state = "waiting for an answer" if self._answer else "idle" if self.reusable else "closed"
        return f"<Connection {state}>"

    def send(self, request: bytes, deadline: float, *, bodiless: bool = False) -> asyncio.Future[Response]:
        """Write a request; the future gives its answer, or an `OperationError`.

        Args:
            request: Head and body as bytes.
            deadline: When the answer must be complete.
            bodiless: The answer has no body whatever its headers say (HEAD).
        """
        answer = asyncio.get_running_loop().create_future()
        if self._transport is None or not self.reusable:
            answer.set_exception(ConnectionLost("the connection was closed before the request was sent"))
            return answer
        self._answer = answer
        self._bodiless = bodiless
        self.deadline = deadline
        self._transport.write(request)
        return answer

    def close(self) -> None:
        """End the connection; idempotent."""
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    def expire(self) -> None:
        """End the awaited answer: its deadline has passed."""
        self._fail(OperationTimeout("no complete answer before the deadline"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Part of `asyncio.Protocol`."""
        if self._answer is None:
            self._fail(ProtocolError("the server sent bytes that nobody asked for"))
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ProtocolError(f"the answer is not HTTP: {error}"))
        except httptools.HttpParserUpgrade:
            self._fail(ProtocolError("the server switched protocols although nobody asked it to"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of `asyncio.Protocol`."""
        self._transport = None
        if self._answer is not None and exc is None and self._ends_with_connection():
            self.on_message_complete()
        why = f": {exc}" if exc else ""
        self._fail(ConnectionLost(f"the server closed the connection before the answer was complete{why}"))
        self._gone(self)

    def on_message_begin(self) -> None:
        """Part of httptools' callbacks. A second answer to one request would be taken for that of the next."""
        if self._answer is None:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Part of httptools' callbacks."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Part of httptools' callbacks."""
        self._in_body = True
        if self._bodiless and self._parser.get_status_code() >= _INFORMATIONAL:
            self.reusable = False  # the parser would wait for a body that HEAD does not get
            self._complete()

    def on_body(self, body: bytes) -> None:
        """Part of httptools' callbacks."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Part of httptools' callbacks."""
        if self._parser.get_status_code() < _INFORMATIONAL:
            self._headers = []
            self._in_body = False
            return
        self.reusable = self.reusable and self._parser.should_keep_alive()
        self._complete()

    def _complete(self) -> None:
        answer, headers, body = self._answer, self._headers, self._body
        self._answer = None
        self._headers = []
        self._body = []
        self._in_body = False
        self.deadline = IDLE
        if answer is not None and not answer.done():
            content = body[0] if len(body) == 1 else b"".join(body)
            answer.set_result(Response(self._parser.get_status_code(), headers, content))
        if not self.reusable and self._transport is not None:
            self._transport.close()

    def _ends_with_connection(self) -> bool:
        """Whether the end of the connection is how this answer ends (RFC 9112, 6.3, the last rule)."""
        names = {name.lower() for name, _ in self._headers}
        return self._in_body and not names & {b"content-length", b"transfer-encoding"}

    def _fail(self, error: OperationError) -> None:
        answer, self._answer = self._answer, None
        self.deadline = IDLE
        self.close()
        if answer is not None and not answer.done():
            answer.set_exception(error)
