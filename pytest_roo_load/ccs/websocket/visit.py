"""The conversation with one client: registration, then frames to others.

Most frames are dealt with as they arrive. One that must wait, for the database or another instance, has those behind
it wait too, so that a device's frames keep their order.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from datetime import UTC, datetime
from time import time_ns
from typing import Any

from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.identity import identify
from pytest_roo_load.ccs.services import Services
from pytest_roo_load.ccs.sessions import Identity
from pytest_roo_load.ccs.websocket import protocol, wire
from pytest_roo_load.ccs.websocket.connection import MAX_BACKLOG_BYTES, Connection, Farewell
from pytest_roo_load.ccs.websocket.mailbox import NOBODY
from pytest_roo_load.ccs.websocket.protocol import SERVER, Frame, FrameError, Registration
from pytest_roo_load.ccs.websocket.relay import Forwarded

_POLICY, _TOO_BIG, _INTERNAL = 1008, 1009, 1011
_SPECIAL = frozenset({protocol.REGISTER, protocol.ACK, protocol.TYPING, protocol.HANDOFF, protocol.PRESENCE})
_TYPING_S = 1.0
# Frames of one client that may wait before it is read no further.
_MOST_WAITING = 256
_PAUSE_S = 0.01

log = logging.getLogger("ccs.websocket")


class Claims:
    """What the opening handshake says: the token, and whose it should be."""

    __slots__ = ("device_id", "token", "user_id")

    def __init__(self, token: str, user_id: str | None, device_id: str | None) -> None:
        self.token = token
        self.user_id = user_id
        self.device_id = device_id

    async def prove(self, services: Services, claimed: Registration) -> Identity:
        """Return the identity of the token if it is the claimed one, in the handshake too; raises 401 or 403."""
        if not self.token:
            raise ApiError(401, "UNAUTHORIZED", "An access token is required")
        identity = await identify(services, self.token)
        users = {claimed.user_id, self.user_id or claimed.user_id}
        devices = {claimed.device_id, self.device_id or claimed.device_id}
        if users != {identity.user_id} or devices != {identity.device_id}:
            raise ApiError(403, "PERMISSION_DENIED", "The token belongs to another user or device")
        return identity


class Visit:
    """Hears one connection. Implements `connection.Listener`."""

    __slots__ = ("_acked", "_busy", "_claims", "_connection", "_owed", "_services", "_typed", "_unsettled", "_waiting")

    def __init__(self, services: Services, connection: Connection, claims: Claims) -> None:
        self._services = services
        self._connection = connection
        self._claims: Claims | None = claims
        self._busy: asyncio.Task[None] | None = None
        self._waiting: deque[tuple[int, bytes]] | None = None
        self._unsettled: deque[tuple[Frame, Forwarded]] | None = None
        self._owed: dict[str, int] | None = None  # what was sent from the queue: the message's id, its number there
        self._acked: list[str] | None = None
        self._typed: tuple[str | None, Any, float] | None = None

    def __repr__(self) -> str:
        return f"<Visit of {self._connection!r}>"

    def begin(self) -> None:
        """Ask the client who it is."""
        self._connection.send(protocol.challenge(_now()))

    def received(self, kind: int, data: bytes) -> None:
        """Deal with a message, or have it wait for those before it."""
        if self._busy is None:
            work = self._handle(kind, data)
            if work is not None:
                self._busy = self._services.chores.start(self._work(work))
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append((kind, data))
        if len(self._waiting) == _MOST_WAITING:
            self._connection.pause()

    def left(self) -> None:
        """Forget the connection, here and elsewhere."""
        if self._services.hub.closed(self._connection) and self._connection.identity is not None:
            self._services.chores.start(self._leave(self._connection.identity))

    def mail(self) -> None:
        """Read the device's queue (again)."""
        if self._owed is not None:
            self._services.chores.start(self._read_queue())

    async def _work(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
            while self._waiting:
                if len(self._waiting) == _MOST_WAITING:
                    self._connection.resume()
                later = self._handle(*self._waiting.popleft())
                if later is not None:
                    await later
        except Exception:
            log.exception("%r failed", self)
            self._connection.end(Farewell(code=_INTERNAL, reason="Internal error"))
        finally:
            self._busy = self._waiting = None

    def _handle(self, kind: int, data: bytes) -> Coroutine[Any, Any, None] | None:
        """Deal with a message; return what is left to be done if it takes a while."""
        if self._connection.over:
            return None
        try:
            if kind != wire.TEXT:
                raise _unreadable(kind)
            frame = protocol.parse_frame(data)
            identity = self._connection.identity
            return self._register(frame) if identity is None else self._route(frame, identity)
        except FrameError as error:
            self._refuse(error)
        return None

    def _route(self, frame: Frame, identity: Identity) -> Coroutine[Any, Any, None] | None:
        if frame.user_id != identity.user_id or frame.from_device != identity.device_id:
            self._services.audit.note("frame in another name", identity.user_id, device_id=identity.device_id)
            self._turn_out(FrameError("PERMISSION_DENIED", "The frame claims another user or device", frame.id))
            return None
        if frame.type == protocol.HEARTBEAT:
            if frame.to_device is None:
                self._settle(frame, "handled")
                return None
        else:
            self._connection.active_at = self._connection.heard_at
            if frame.type in _SPECIAL and self._is_done(frame):
                return None
        return self._to_server(frame) if frame.to_device == SERVER else self._deliver(frame)

    def _deliver(self, frame: Frame) -> Coroutine[Any, Any, None] | None:
        services, to = self._services, frame.to_device
        here = services.hub.deliver(frame.user_id, frame.data, to=to, sender=frame.from_device)
        if (here and to is not None) or (to is None and services.relay.alone(frame.user_id)):
            self._settle(frame, "delivered" if here else "failed")
            return None
        return self._forward(frame, here)

    def _is_done(self, frame: Frame) -> bool:
        """Do what is special about a frame's type; tell whether that was all."""
        if frame.type == protocol.REGISTER:
            raise FrameError("ALREADY_REGISTERED", "This connection is registered", frame.id)
        if frame.type == protocol.HANDOFF and frame.to_device is None:
            raise FrameError("INVALID_FRAME", "device_handoff needs toDeviceId", frame.id)
        if frame.type == protocol.PRESENCE:
            self._services.presence.said(self._connection, frame.payload)
        if frame.type == protocol.TYPING and self._is_repeated(frame):
            self._settle(frame, "handled")
            return True
        if frame.type == protocol.ACK and self._is_of_queue(frame) and frame.to_device in {None, SERVER}:
            self._settle(frame, "handled")
            return True
        return False

    def _is_repeated(self, frame: Frame) -> bool:
        """Tell whether the device has said within a second that it is typing, to the same and in the same words."""
        now, typed = self._connection.heard_at, self._typed
        if typed is not None and typed[:2] == (frame.to_device, frame.payload) and now - typed[2] < _TYPING_S:
            return True
        self._typed = (frame.to_device, frame.payload, now)
        return False

    def _is_of_queue(self, frame: Frame) -> bool:
        """Take out of the queue what the device acknowledges; tell whether it was in there."""
        original = frame.payload.get("originalMessageId") if isinstance(frame.payload, dict) else None
        if not self._owed or not isinstance(original, str) or original not in self._owed:
            return False
        if self._acked is None:
            self._acked = []
            self._services.chores.start(self._forget(frame.from_device))
        self._acked.append(original)
        return True

    async def _forget(self, device_id: str) -> None:
        await asyncio.sleep(0)  # what has arrived together is forgotten together
        while self._acked:
            acked, self._acked = self._acked, []
            await self._services.mailbox.forget(device_id, acked)
            for message_id in acked:
                if self._owed is not None:
                    self._owed.pop(message_id, None)
        self._acked = None

    async def _to_server(self, frame: Frame) -> None:
        try:
            protocol.check_storable(frame)
            heard = await self._services.commands.heard(frame)
        except FrameError as error:
            self._refuse(error)
        except ApiError as error:
            self._settle(frame, "failed", error.message)
        else:
            self._settle(frame, "handled" if heard else "failed")

    async def _forward(self, frame: Frame, here: int) -> None:
        forwarded = await self._services.relay.forward(frame)
        if here:
            self._settle(frame, "delivered")
            return
        # Answers take a while; the client's next frames do not wait for them, but are settled after this one.
        if self._unsettled is None:
            self._unsettled = deque()
            self._services.chores.start(self._settle_in_order(self._unsettled))
        self._unsettled.append((frame, forwarded))

    async def _settle_in_order(self, unsettled: deque[tuple[Frame, Forwarded]]) -> None:
        await asyncio.sleep(0)
        while unsettled:
            frame, forwarded = unsettled.popleft()
            answers = forwarded.answers
            if await self._services.relay.answered(answers) if answers else forwarded.reached:
                self._settle(frame, "delivered")
                continue
            reason = await self._services.mailbox.keep(frame)
            self._settle(frame, "queued" if reason is None else "failed", reason)
        self._unsettled = None

    async def _register(self, frame: Frame) -> None:
        if frame.type != protocol.REGISTER:
            self._refuse(FrameError("UNAUTHORIZED", "Authentication required", frame.id))
            return
        try:
            claimed = protocol.read_registration(frame)
            assert self._claims is not None
            identity = await self._claims.prove(self._services, claimed)
        except FrameError as error:
            self._refuse(error)
        except ApiError as error:
            self._turn_out(FrameError(error.code, error.message, frame.id))
        else:
            await self._welcome(identity, claimed)

    async def _welcome(self, identity: Identity, claimed: Registration) -> None:
        """Make the device reachable, and give it what has waited for it before anything newer."""
        connection, services = self._connection, self._services
        if connection.over:
            return
        self._claims = None
        connection.interests = claimed.interests
        connection.hold()
        services.hub.register(connection, identity)
        await services.relay.join(identity)
        services.metrics.frame("handled")
        connection.send_now(protocol.registered(identity.session_id, _now()))
        self._owed = {}
        await self._read_queue()
        connection.release()
        if connection.over:
            await services.relay.leave(identity)
        else:
            await services.presence.came(connection, identity)

    async def _read_queue(self) -> None:
        owed, identity = self._owed, self._connection.identity
        if owed is None or identity is None:
            return
        try:
            while letters := await self._services.mailbox.waiting(identity.device_id, list(owed.values())):
                for letter in letters:
                    await self._room()
                    if letter.message_id in owed:
                        continue
                    if not self._connection.send_now(letter.data):
                        return
                    owed[letter.message_id] = letter.number
        except ApiError as error:
            log.warning("queue of %r not read: %s", self, error)

    async def _room(self) -> None:
        while not self._connection.over and self._connection.backlog() > MAX_BACKLOG_BYTES // 2:  # noqa: ASYNC110
            await asyncio.sleep(_PAUSE_S)

    async def _leave(self, identity: Identity) -> None:
        await self._services.relay.leave(identity)
        await self._services.presence.went(identity)

    def _settle(self, frame: Frame, outcome: str, reason: str | None = None) -> None:
        self._services.metrics.frame(outcome)
        if frame.requires_ack:
            status = "delivered" if outcome == "handled" else outcome
            error = (reason or NOBODY) if outcome == "failed" else None
            self._connection.send(protocol.acknowledged(frame.id, _now(), status=status, error=error))

    def _refuse(self, error: FrameError) -> None:
        self._services.metrics.frame("refused")
        self._connection.send_now(protocol.refused(error, _now()))
        if error.code == protocol.TOO_BIG:
            self._connection.end(Farewell(code=_TOO_BIG, reason=error.message))

    def _turn_out(self, error: FrameError) -> None:
        self._refuse(error)
        self._connection.end(Farewell(code=_POLICY, reason=error.message))


def _unreadable(kind: int) -> FrameError:
    if kind == wire.TOO_BIG:
        return FrameError(protocol.TOO_BIG, f"The frame is larger than {protocol.MAX_FRAME_BYTES} bytes")
    return FrameError("INVALID_FRAME", "Frames are text")


class _Clock:
    """The time as text, made once a millisecond."""

    def __init__(self) -> None:
        self._at = 0
        self._text = ""

    def __call__(self) -> str:
        at = time_ns() // 1_000_000
        if at != self._at:
            self._at = at
            self._text = protocol.stamp(datetime.fromtimestamp(at / 1000, UTC))
        return self._text


_now = _Clock()
