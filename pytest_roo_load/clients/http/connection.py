"""One keep-alive HTTP/1.1 connection: bytes out, one `Response` back."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

import httptools

from pytest_roo_load.clients.http.body import StreamedBody
from pytest_roo_load.clients.http.connecting import Opened
from pytest_roo_load.clients.http.heads import Limits, known_heads
from pytest_roo_load.clients.http.incoming import Incoming
from pytest_roo_load.clients.http.response import Head, Response
from pytest_roo_load.clients.sweeper import IDLE
from pytest_roo_load.errors import ConnectionLost, OperationError, OperationTimeout, ProtocolError, UsageError

__all__ = ["Connection", "Home"]

_INFORMATIONAL = 200
_H = ord("H")  # HEAD, and no other method
_MAX_HEAD_BYTES = 256 * 2**10


class Home(Protocol):
    """Whose a connection is."""

    def forget(self, connection: Connection, /) -> None:
        """It has ended."""


class Connection(asyncio.Protocol):
    """Sends one request at a time and parses its answer.

    Args:
        home: Whose it is.
        limits: How much of an answer is put up with.

    Attributes:
        deadline: When the awaited answer must be complete; see `Expiring`.
        reusable: Whether another request may be sent once the answer to the last one is complete.
        idle: Whether one may be sent now.
        opened: How long connecting took, until a client that times answers has made use of that.
    """

    __slots__ = (
        "_answer", "_bodiless", "_body", "_headers", "_home", "_in_body", "_incoming", "_known", "_loop",
        "_max_body", "_max_headers", "_parser", "_pending", "_plain", "_sending", "_transport", "_writable",
        "deadline", "idle", "opened", "reusable",
    )  # fmt: skip

    def __init__(self, home: Home, limits: Limits) -> None:
        self._home = home
        self._known = known_heads(limits)
        self._loop = asyncio.get_running_loop()  # asking for it each time costs a system call
        self._max_headers, self._max_body = limits
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Any] | None = None
        self._incoming: Incoming | None = None
        self._parser: Any = None  # made for the first head that is not known
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._plain = True  # nothing below is set: most answers need not look at each
        self._bodiless = False
        self._in_body = False
        self._pending = 0
        self._sending = False
        self._writable: asyncio.Future[None] | None = None
        self.deadline = IDLE
        self.reusable = self.idle = True
        self.opened: Opened | None = None

    def __repr__(self) -> str:
        state = "waiting for an answer" if self._answer else "idle" if self.idle else "closed"
        return f"<Connection {state}>"

    @property
    def is_forsaken(self) -> bool:
        """Whether the awaited answer was cancelled, so that nobody is there to take it."""
        return self._answer is not None and self._answer.cancelled()

    def ask(self, head: bytes, deadline: float) -> asyncio.Future[Response]:
        """What `send` does on a connection that is idle, for a request without a body whose answer may have one."""
        answer = self._answer = self._loop.create_future()
        self.idle = False
        self.deadline = deadline
        self._transport.write(head)  # type: ignore[union-attr]  # one that is idle has it
        return answer

    def send(self, head: bytes, body: bytes, deadline: float) -> asyncio.Future[Response]:
        """Write a request; the future gives its answer, or an `OperationError`.

        Args:
            head: The head as bytes.
            body: The body, or what of it is there already.
            deadline: When the answer must be complete.
        """
        if self._transport is None or not self.reusable:
            answer = self._loop.create_future()
            answer.set_exception(ConnectionLost("the connection was closed before the request was sent"))
            return answer
        if head[0] == _H:  # the answer has no body, whatever its headers say
            self._bodiless, self._plain = True, False
        if not body:
            return self.ask(head, deadline)
        answer = self._answer = self._loop.create_future()
        self.idle = False
        self.deadline = deadline
        self._transport.writelines((head, body))
        return answer

    def stream(self, head: bytes, body: bytes, timeout_s: float, deadline: float) -> asyncio.Future[Incoming]:
        """The same, but the future gives the answer as soon as its head is there; its body is read from that.

        Args:
            head: The head as bytes.
            body: The body, or what of it is there already.
            timeout_s: Seconds without a byte that end the answer, once its head is there.
            deadline: When the head must be there.
        """
        self._incoming, self._plain = Incoming(self, timeout_s), False
        return cast("asyncio.Future[Incoming]", self.send(head, body, deadline))

    async def upload(self, body: StreamedBody) -> None:
        """Write a body piece by piece, no faster than the server takes it; stops when the answer is there before."""
        self._sending, self._plain = True, False
        sent = 0
        async for piece in body:
            if self._transport is None or self._answer is None:
                return
            if not piece:
                continue  # as a chunk it would be the end
            sent += len(piece)
            if body.size_bytes is None:
                self._transport.writelines((b"%x\r\n" % len(piece), piece, b"\r\n"))
            elif sent <= body.size_bytes:
                self._transport.write(piece)
            if self._writable is not None:
                await self._writable
        if body.size_bytes is not None and sent != body.size_bytes:
            self.close()
            raise UsageError("not the length of the body", value=body.size_bytes, allowed=f"what was sent, {sent}")
        if body.size_bytes is None and self._transport is not None:
            self._transport.write(b"0\r\n\r\n")
        self._sending = False

    def close(self) -> None:
        """End the connection; idempotent."""
        self.reusable = self.idle = False
        if self._transport is not None:
            self._transport.abort()

    def release(self) -> None:
        """Whoever has read an answer piece by piece has done with it."""
        self.idle = self.reusable and self._answer is None

    def expire(self) -> None:
        """End the awaited answer: its deadline has passed."""
        self._fail(OperationTimeout("no complete answer before the deadline"))

    def flow(self, *, on: bool) -> None:
        """Let the server go on sending, or not."""
        if self._transport is not None:
            (self._transport.resume_reading if on else self._transport.pause_reading)()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)

    def pause_writing(self) -> None:
        """Part of `asyncio.Protocol`."""
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Part of `asyncio.Protocol`."""
        waiting, self._writable = self._writable, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Part of `asyncio.Protocol`."""
        answer = self._answer
        if answer is None:
            self._fail(ProtocolError("the server sent bytes that nobody asked for"))
        elif self._plain:
            text, length, size, head = self._known.latest
            if len(data) != size or data[:length] != text:
                _, length, size, head = self._known.find(data)
            if size:  # what `_deliver` does, one call sooner
                self._answer = None
                self.deadline = IDLE
                self.idle = self.reusable
                response = Response()
                response.head, response.body, response.timing = head, data[length:], None
                if not answer.done():
                    answer.set_result(response)
            else:
                self._parse(data)
                self._learn(answer, data)
        else:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ProtocolError(f"the answer is not HTTP: {error}"))
        except httptools.HttpParserUpgrade:
            self._fail(ProtocolError("the server switched protocols although nobody asked it to"))
        if self._answer is not None:
            self._keep_limits(len(data))

    def _learn(self, answer: asyncio.Future[Response], data: bytes) -> None:
        """Remember the head, if the data was a whole answer after which another request may be sent."""
        if self._plain and self.reusable and answer.done() and not answer.cancelled():
            self._known.learn(data, answer.result())

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of `asyncio.Protocol`."""
        self._transport, self.idle = None, False
        if self._answer is not None and exc is None and self._ends_with_connection():
            self.on_message_complete()
        why = f": {exc}" if exc else ""
        self._fail(ConnectionLost(f"the server closed the connection before the answer was complete{why}"))
        self._home.forget(self)

    def on_message_begin(self) -> None:
        """Part of httptools' callbacks. A second answer to one request would be taken for that of the next."""
        if self._answer is None:
            self.reusable = self.idle = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Part of httptools' callbacks."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Part of httptools' callbacks."""
        self._in_body = True
        if len(self._headers) > self._max_headers:
            self._fail(ProtocolError(f"the answer has more than {self._max_headers} headers", kind="too large"))
        elif not self._plain and self._parser.get_status_code() >= _INFORMATIONAL:
            self._head_is_there()

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

    def _head_is_there(self) -> None:
        incoming, answer = self._incoming, self._answer
        if incoming is not None and answer is not None and not answer.done():
            incoming.begin(self._parser.get_status_code(), self._headers)
            self._body = cast("list[bytes]", incoming)
            answer.set_result(incoming)
        if self._bodiless:
            self.reusable = False  # the parser would wait for a body that HEAD does not get
            self._complete()

    def _complete(self) -> None:
        answer, headers, body = self._answer, self._headers, self._body
        self._headers = []
        self._body = []
        self._in_body = False
        is_streamed = not self._plain and self._finish_special()
        if answer is not None and not is_streamed:
            content = body[0] if len(body) == 1 else b"".join(body)
            if len(content) > self._max_body:
                self._fail(self._too_long())
            else:
                self._deliver(answer, Head(self._parser.get_status_code(), headers), content)
        self._answer = None
        self.deadline = IDLE
        if not self.reusable and self._transport is not None:
            self._transport.close()

    def _deliver(self, answer: asyncio.Future[Any], head: Head, body: bytes) -> None:
        """Give a complete answer to who waits for it; another request may be sent from now on.

        Who waits goes on in the event loop's next round, with all others whose answers have come by then; to carry on
        with each right here is slower (docs/architecture.md).
        """
        self._answer = None
        self.deadline = IDLE
        self.idle = self.reusable
        if not answer.done():
            answer.set_result(Response.of(head, body))

    def _finish_special(self) -> bool:
        """End whatever was special about this exchange; whether its answer was a streamed one."""
        incoming, self._incoming = self._incoming, None
        if self._sending:  # the answer is there before the whole request: the connection cannot be used again
            self.close()
            self.resume_writing()
        self._plain, self._bodiless, self._sending, self._pending = True, False, False, 0
        if incoming is not None:
            incoming.finish()
        return incoming is not None

    def _keep_limits(self, received: int) -> None:
        """Look at what has come of an answer that is not complete; short ones never get here."""
        self._pending += received
        self._plain = False
        if len(self._headers) > self._max_headers or (self._pending > _MAX_HEAD_BYTES and not self._in_body):
            most = f"{self._max_headers} headers or {_MAX_HEAD_BYTES} bytes of them"
            self._fail(ProtocolError(f"the answer has more than {most}", kind="too large"))
        elif self._incoming is not None and self._in_body:
            self._pending = self._incoming.pending(self._pending)
        if self._pending > _MAX_HEAD_BYTES + 2 * self._max_body:
            self._fail(self._too_long())

    def _too_long(self) -> ProtocolError:
        return ProtocolError(f"the body is longer than {self._max_body:,} bytes", kind="too large")

    def _ends_with_connection(self) -> bool:
        """Whether the end of the connection is how this answer ends (RFC 9112, 6.3, the last rule)."""
        names = {name.lower() for name, _ in self._headers}
        return self._in_body and not names & {b"content-length", b"transfer-encoding"}

    def _fail(self, error: OperationError) -> None:
        answer, self._answer = self._answer, None
        incoming, self._incoming = self._incoming, None
        self.deadline = IDLE
        self.close()
        self.resume_writing()
        if incoming is not None:
            incoming.fail(error)
        if answer is not None and not answer.done():
            answer.set_exception(error)
