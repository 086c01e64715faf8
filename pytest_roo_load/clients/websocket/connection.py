"""One WebSocket: messages out, messages in, and answers to questions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from time import perf_counter
from typing import Any

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport

from pytest_roo_load.clients.counting import count_cancelled, count_failure
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.clients.websocket.deflate import Agreement, Deflate
from pytest_roo_load.clients.websocket.question import Question
from pytest_roo_load.core.ports import Recorder
from pytest_roo_load.errors import (
    ConnectionLost,
    OperationError,
    ProtocolError,
    UnexpectedAnswer,
    UsageError,
)

__all__ = ["MAX_MESSAGE_BYTES", "Correlate", "Message", "Terms", "WebSocket", "Wrong"]

Message = str | bytes
Correlate = Callable[[Message], Hashable | None]
Wrong = Callable[[Message], str | None]
Terms = Callable[[Mapping[str, str]], Agreement | None]

_INBOX = 1000
MAX_MESSAGE_BYTES = 16 * 2**20
_NO_CODE, _NO_GOODBYE = 1005, 1006  # RFC 6455, 7.4.1


class WebSocket(WSListener):
    """A connection that is open, or was.

    A message that comes in is first offered to `correlate`: a key that a question waits for makes it that question's
    answer. Everything else goes to an inbox of the latest 1,000 messages, for `receive`.

    Attributes:
        overflowed: Messages that fell out of a full inbox.
        was_open: Whether the handshake was completed.
        refusal: What is wrong with the terms on which the server opened it; None when nothing is.
        subprotocol: What the server chose of the subprotocols that were offered; None when it chose none.
        close_code: With what code the connection was closed: the other side's, or ours when we closed it; 1005 when
            none was given, 1006 when the other side went away without a word; None while it is open.
        close_reason: The reason that was given with it.
    """

    __slots__ = (
        "_abandoned", "_compressed", "_correlate", "_deflate", "_ending", "_fragments", "_fragments_are_text", "_inbox",
        "_pinged", "_pings", "_questions", "_readers", "_recorder", "_sweeper", "_terms", "_transport", "close_code",
        "close_reason", "overflowed", "refusal", "subprotocol", "was_open",
    )  # fmt: skip

    def __init__(self, recorder: Recorder, sweeper: Sweeper, correlate: Correlate | None, terms: Terms) -> None:
        self._recorder = recorder
        self._sweeper = sweeper
        self._correlate = correlate
        self._terms = terms
        self._transport: WSTransport | None = None
        self._questions: dict[Hashable, Question[Message]] = {}
        self._inbox: list[Message] = []  # an empty deque takes ten times as much memory, and most stay empty
        self._readers: list[Question[Message]] = []
        self._fragments: list[bytes] = []
        self._fragments_are_text = True
        self._abandoned = False
        self._ending: asyncio.Task[None] | None = None
        self._deflate: Deflate | None = None
        self._compressed = False
        self._pings: dict[bytes, Question[None]] = {}
        self._pinged = 0
        self.subprotocol: str | None = None
        self.close_code: int | None = None
        self.close_reason = ""
        self.refusal: ValueError | None = None
        self.overflowed = 0
        self.was_open = False

    def __repr__(self) -> str:
        return f"<WebSocket {'open' if self.is_open else 'closed'}, {len(self._questions)} questions open>"

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._transport is not None

    def send(self, message: Message) -> None:
        """Send a text or binary message; it is not an operation by itself.

        Raises:
            ConnectionLost: The connection is closed.
        """
        if self._transport is None:
            raise ConnectionLost("the WebSocket is closed")
        kind, data = (WSMsgType.TEXT, message.encode()) if isinstance(message, str) else (WSMsgType.BINARY, message)
        if self._deflate is None:
            self._transport.send(kind, data)
        else:
            self._transport.send(kind, self._deflate.compress(data), rsv1=True)

    @property
    def is_compressed(self) -> bool:
        """Whether the server agreed to compress messages (permessage-deflate)."""
        return self._deflate is not None

    async def ping(self, *, name: str = "WS ping", timeout_s: float = 30.0) -> float:
        """Send a ping and wait for its pong; together they are one operation. The seconds it took.

        Raises:
            OperationError: No pong came in time, or the connection ended; it has been counted.
        """
        slot = self._recorder.slot(name)
        slot.started += 1
        began = perf_counter()
        self._pinged += 1
        payload = b"roo-%d" % self._pinged
        question = self._pings[payload] = Question(began + timeout_s)
        self._sweeper.watch(question)
        try:
            if self._transport is None:
                raise ConnectionLost("the WebSocket is closed")
            self._transport.send_ping(payload)
            await question.answer
        except OperationError as error:
            count_failure(slot, perf_counter() - began, error, name)
            raise
        except asyncio.CancelledError as error:
            count_cancelled(slot, perf_counter() - began, error, name, interrupting=self._sweeper.interrupting)
            raise
        finally:
            self._sweeper.forget(question)
            self._pings.pop(payload, None)
        took = perf_counter() - began
        slot.ok.append(took)
        return took

    async def request(
        self, message: Message, *, key: Hashable, name: str, wrong: Wrong | None = None, timeout_s: float = 30.0
    ) -> Message:
        """Send a message and wait for the one whose correlation key is `key`; together they are one operation.

        Args:
            message: Text or bytes.
            key: What `correlate` gives for the answer.
            name: The operation's name.
            wrong: Says what is wrong with an answer, None when nothing is; a wrong one is a failed operation.
            timeout_s: Seconds until the answer must be there.

        Raises:
            OperationError: No answer came in time, it was wrong, or the connection ended; it has been counted.
            UsageError: Another question waits for the same key.
        """
        if key in self._questions:
            raise UsageError("a question waits for this key already", value=key, allowed="one key for each question")
        slot = self._recorder.slot(name)
        slot.started += 1
        began = perf_counter()
        question = self._questions[key] = Question(began + timeout_s)
        self._sweeper.watch(question)
        try:
            self.send(message)
            answer = await question.answer
            if wrong is not None and (problem := wrong(answer)):
                raise UnexpectedAnswer(problem)
        except OperationError as error:
            count_failure(slot, perf_counter() - began, error, name)
            raise
        except asyncio.CancelledError as error:
            count_cancelled(slot, perf_counter() - began, error, name, interrupting=self._sweeper.interrupting)
            raise
        finally:
            self._sweeper.forget(question)
            self._questions.pop(key, None)
        slot.ok.append(perf_counter() - began)
        return answer

    async def receive(self, timeout_s: float = 30.0) -> Message:
        """The next message that answers no question; waiting for it is not an operation.

        Raises:
            OperationTimeout: None came in time. It has not been counted.
            ConnectionLost: The connection ended.
        """
        if self._inbox:
            return self._inbox.pop(0)
        if self._transport is None:
            raise ConnectionLost("the WebSocket is closed")
        reader: Question[Message] = Question(perf_counter() + timeout_s)
        self._readers.append(reader)
        self._sweeper.watch(reader)
        try:
            return await reader.answer
        except asyncio.CancelledError:
            if not reader.answer.cancelled() and reader.answer.exception() is None:
                self._inbox.insert(0, reader.answer.result())  # it came, but nobody is there to take it
            raise
        finally:
            self._sweeper.forget(reader)
            if reader in self._readers:
                self._readers.remove(reader)

    async def close(self, code: int = 1000) -> None:
        """Say goodbye and close; idempotent. Waits at most a second for the other side."""
        transport = self._transport
        if transport is None:
            return
        transport.send_close(WSCloseCode(code))
        transport.disconnect()
        try:
            with suppress(WSError):  # it ended in trouble, but it has ended
                await asyncio.wait_for(transport.wait_disconnected(), 1.0)
        except TimeoutError:
            transport.disconnect(graceful=False)

    def abort(self) -> None:
        """Close at once, without a goodbye; one that is not open yet will not be."""
        self._abandoned = True
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def pause_reading(self) -> None:
        """Take nothing from the socket any more, as a client that has no time."""
        if self._transport is not None:
            self._transport.underlying_transport.pause_reading()

    def resume_reading(self) -> None:
        """Take again what comes."""
        if self._transport is not None:
            self._transport.underlying_transport.resume_reading()

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Part of picows' listener."""
        self.was_open = True
        if self._abandoned:
            transport.disconnect(graceful=False)
            return
        try:
            agreement = self._terms(transport.response.headers)
        except ValueError as error:
            self.refusal = error
            transport.disconnect(graceful=False)
            return
        self._deflate = None if agreement is None else Deflate(agreement, MAX_MESSAGE_BYTES)
        self.subprotocol = transport.response.headers.get("Sec-WebSocket-Protocol")
        transport.request.headers.clear()  # as large as all of ours, and kept as long as the connection
        transport.response.headers.clear()
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Part of picows' listener."""
        if self._transport is None:
            return  # after a violation nothing counts any more
        try:
            self._take(transport, frame)
        except Exception as violation:  # noqa: BLE001 - whatever a message made fail here, on decoding or correlating it
            self._transport = None
            self._fail_all(ProtocolError, _violation(violation))
            transport.send_close(WSCloseCode.PROTOCOL_ERROR)
            transport.disconnect()

    def _take(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is WSMsgType.TEXT and frame.fin and not frame.rsv1:
            self._dispatch(frame.get_payload_as_utf8_text())
        elif kind in {WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION}:
            self._collect(frame)
        elif kind is WSMsgType.PONG:
            ping = self._pings.get(frame.get_payload_as_bytes())
            if ping is not None and not ping.answer.done():
                ping.answer.set_result(None)
        elif kind is WSMsgType.CLOSE:
            code = frame.get_close_code()
            transport.send_close(code if code.value else WSCloseCode.OK)
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Part of picows' listener."""
        self._transport = None
        self.close_code, self.close_reason = _farewell(transport)
        self._ending = asyncio.create_task(self._end(transport))

    async def _end(self, transport: WSTransport) -> None:
        """Tell everybody who waits why the connection ended; picows keeps a violation of the protocol to the last."""
        kind: type[OperationError] = ConnectionLost
        code = self.close_code
        told = "" if code in {_NO_CODE, _NO_GOODBYE} else f" with code {code} {self.close_reason}".rstrip()
        why = f"the WebSocket was closed{told}"
        try:
            await transport.wait_disconnected()
        except WSError as violation:
            kind, why = ProtocolError, _violation(violation)
        self._fail_all(kind, why)

    def _fail_all(self, kind: type[OperationError], why: str) -> None:
        awaited: list[Question[Any]] = [*self._questions.values(), *self._readers, *self._pings.values()]
        for waiting in awaited:
            waiting.fail(kind(why))

    def _collect(self, frame: WSFrame) -> None:
        if frame.msg_type is not WSMsgType.CONTINUATION:
            self._fragments_are_text = frame.msg_type is WSMsgType.TEXT
            self._compressed = frame.rsv1
        self._fragments.append(frame.get_payload_as_bytes())
        if frame.fin:
            whole = b"".join(self._fragments)
            self._fragments = []
            if self._compressed:
                whole = self._decompressed(whole)
            self._dispatch(whole.decode() if self._fragments_are_text else whole)

    def _decompressed(self, data: bytes) -> bytes:
        if self._deflate is None:
            raise ValueError("a compressed message, although compression was not agreed upon")
        return self._deflate.decompress(data)

    def _dispatch(self, message: Message) -> None:
        question = self._questions.get(self._correlate(message)) if self._correlate and self._questions else None
        while question is None and self._readers:
            reader = self._readers.pop(0)
            question = None if reader.answer.done() else reader
        if question is None:
            self._inbox.append(message)
            if len(self._inbox) > _INBOX:
                del self._inbox[0]
                self.overflowed += 1
        elif not question.answer.done():
            question.answer.set_result(message)


def _violation(error: Exception) -> str:
    return f"the server sent what cannot be understood: {error}"


def _farewell(transport: WSTransport) -> tuple[int, str]:
    """The code and the reason that a connection was closed with."""
    handshake: Any = transport.close_handshake  # None when the other side just went away
    said = (handshake.recv or handshake.sent) if handshake is not None else None
    if said is None:
        return _NO_GOODBYE, ""
    return said.code.value or _NO_CODE, said.reason or ""
