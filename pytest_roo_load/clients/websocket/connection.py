"""One WebSocket: messages out, messages in, and answers to questions."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from time import perf_counter
from typing import Any

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport

from pytest_roo_load.clients.counting import count_failure
from pytest_roo_load.clients.sweeper import IDLE, Sweeper
from pytest_roo_load.core.ports import Recorder
from pytest_roo_load.errors import (
    ConnectionLost,
    OperationError,
    OperationTimeout,
    ProtocolError,
    UnexpectedAnswer,
    UsageError,
)

__all__ = ["Correlate", "Message", "WebSocket", "Wrong"]

Message = str | bytes
Correlate = Callable[[Message], Hashable | None]
Wrong = Callable[[Message], str | None]

_INBOX = 1000


class _Question:
    """An answer that is awaited until a deadline."""

    __slots__ = ("answer", "deadline")

    def __init__(self, deadline: float) -> None:
        self.answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self.deadline = deadline

    def expire(self) -> None:
        self.fail(OperationTimeout("no answer before the deadline"))

    def fail(self, error: OperationError) -> None:
        self.deadline = IDLE
        if not self.answer.done():
            self.answer.set_exception(error)


class WebSocket(WSListener):
    """A connection that is open, or was.

    A message that comes in is first offered to `correlate`: a key that a question waits for makes it that question's
    answer. Everything else goes to an inbox of the latest 1,000 messages, for `receive`.

    Attributes:
        overflowed: Messages that fell out of a full inbox.
        was_open: Whether the handshake was completed.
    """

    def __init__(self, recorder: Recorder, sweeper: Sweeper, correlate: Correlate | None) -> None:
        self._recorder = recorder
        self._sweeper = sweeper
        self._correlate = correlate
        self._transport: WSTransport | None = None
        self._questions: dict[Hashable, _Question] = {}
        self._inbox: deque[Message] = deque(maxlen=_INBOX)
        self._readers: deque[_Question] = deque()
        self._fragments: list[bytes] = []
        self._fragments_are_text = True
        self._abandoned = False
        self._ending: asyncio.Task[None] | None = None
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
        if isinstance(message, str):
            self._transport.send(WSMsgType.TEXT, message.encode())
        else:
            self._transport.send(WSMsgType.BINARY, message)

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
        question = self._questions[key] = _Question(began + timeout_s)
        self._sweeper.watch(question)
        try:
            self.send(message)
            answer = await question.answer
            if wrong is not None and (problem := wrong(answer)):
                raise UnexpectedAnswer(problem)
        except OperationError as error:
            count_failure(slot, perf_counter() - began, error, name)
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
            return self._inbox.popleft()
        if self._transport is None:
            raise ConnectionLost("the WebSocket is closed")
        reader = _Question(perf_counter() + timeout_s)
        self._readers.append(reader)
        self._sweeper.watch(reader)
        try:
            return await reader.answer
        except asyncio.CancelledError:
            if not reader.answer.cancelled() and reader.answer.exception() is None:
                self._inbox.appendleft(reader.answer.result())  # it came, but nobody is there to take it
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

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Part of picows' listener."""
        self.was_open = True
        if self._abandoned:
            transport.disconnect(graceful=False)
        else:
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
        if kind is WSMsgType.TEXT and frame.fin:
            self._dispatch(frame.get_payload_as_utf8_text())
        elif kind in {WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION}:
            self._collect(frame)
        elif kind is WSMsgType.CLOSE:
            code = frame.get_close_code()
            transport.send_close(code if code.value else WSCloseCode.OK)
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Part of picows' listener."""
        self._transport = None
        self._ending = asyncio.create_task(self._end(transport))

    async def _end(self, transport: WSTransport) -> None:
        """Tell everybody who waits why the connection ended; picows keeps a violation of the protocol to the last."""
        kind: type[OperationError] = ConnectionLost
        why = f"the WebSocket was closed{_code_of(transport)}"
        try:
            await transport.wait_disconnected()
        except WSError as violation:
            kind, why = ProtocolError, _violation(violation)
        self._fail_all(kind, why)

    def _fail_all(self, kind: type[OperationError], why: str) -> None:
        for waiting in [*self._questions.values(), *self._readers]:
            waiting.fail(kind(why))

    def _collect(self, frame: WSFrame) -> None:
        if frame.msg_type is not WSMsgType.CONTINUATION:
            self._fragments_are_text = frame.msg_type is WSMsgType.TEXT
        self._fragments.append(frame.get_payload_as_bytes())
        if frame.fin:
            whole = b"".join(self._fragments)
            self._fragments = []
            self._dispatch(whole.decode() if self._fragments_are_text else whole)

    def _dispatch(self, message: Message) -> None:
        question = self._questions.get(self._correlate(message)) if self._correlate and self._questions else None
        while question is None and self._readers:
            reader = self._readers.popleft()
            question = None if reader.answer.done() else reader
        if question is None:
            self.overflowed += len(self._inbox) == _INBOX
            self._inbox.append(message)
        elif not question.answer.done():
            question.answer.set_result(message)


def _violation(error: Exception) -> str:
    return f"the server sent what cannot be understood: {error}"


def _code_of(transport: WSTransport) -> str:
    """The close code and reason that the server gave; nothing when it just went away."""
    handshake: Any = transport.close_handshake  # None when the server just went away
    received = handshake.recv if handshake is not None else None
    if received is None or not received.code.value:
        return ""
    return f" with code {received.code.value} {received.reason or ''}".rstrip()
