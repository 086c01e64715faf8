"""The route ``/ws``: from the upgrade to the close of one WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import WSMsgType, web

from pytest_roo_load.ccs.commands.command import SERVER
from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.identity import identify
from pytest_roo_load.ccs.services import SERVICES, Services
from pytest_roo_load.ccs.sessions import Identity
from pytest_roo_load.ccs.websocket import protocol
from pytest_roo_load.ccs.websocket.connection import Connection, Farewell
from pytest_roo_load.ccs.websocket.hub import OVERLOADED
from pytest_roo_load.ccs.websocket.protocol import Frame, FrameError, Registration

# A frame over protocol.MAX_FRAME_BYTES is read whole, so that its sender gets to see why the connection ends; beyond
# this, aiohttp ends it in the middle of the frame (also with 1009, which a client that is still sending may miss).
_CUT_OFF_BYTES = 2 * protocol.MAX_FRAME_BYTES
_POLICY, _TOO_BIG = 1008, 1009
# How long a close waits for the client's own close frame.
_CLOSE_S = 1.0
# `Connection.send` looks at the backlog itself; aiohttp must never make a sender wait for somebody else's reader.
_NEVER_WAIT = 2**62
_SCHEME = "bearer "
PATH = "/ws"


async def websocket(request: web.Request) -> web.StreamResponse:
    """Serve one WebSocket: challenge, registration, then frames until either side closes."""
    services = request.app[SERVICES]
    socket = web.WebSocketResponse(
        autoping=False,
        compress=False,
        max_msg_size=_CUT_OFF_BYTES,
        timeout=_CLOSE_S,
        writer_limit=_NEVER_WAIT,
    )
    if not socket.can_prepare(request).ok:
        raise ApiError(426, "UPGRADE_REQUIRED", "This is a WebSocket", headers={"Upgrade": "websocket"})
    await socket.prepare(request)
    connection = Connection(socket, request.transport, asyncio.get_running_loop().time())
    if services.hub.full:
        connection.end(OVERLOADED)
        await connection.close()
        return socket
    services.hub.opened(connection)
    try:
        await _Visit(request, services, connection).serve()
    finally:
        if services.hub.closed(connection) and connection.identity is not None:
            await services.relay.leave(connection.identity)
        await connection.close()
    return socket


ROUTES = (web.get(PATH, websocket),)


class _Visit:
    """The conversation with one client."""

    def __init__(self, request: web.Request, services: Services, connection: Connection) -> None:
        self._request = request
        self._services = services
        self._connection = connection
        self._waiting: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Challenge the client and handle its frames in order until the end."""
        await self._connection.send(protocol.challenge(_now()))
        time = asyncio.get_running_loop().time
        while (message := await self._connection.receive()) is not None:
            self._connection.heard_at = time()
            if message.type is WSMsgType.PING:
                await self._connection.pong(message.data)
            elif message.type is not WSMsgType.PONG:
                await self._handle(message.data)

    async def _handle(self, data: str | bytes) -> None:
        try:
            frame = protocol.parse_frame(data)
            if self._connection.identity is None:
                await self._register(frame)
            else:
                await self._route(frame, self._connection.identity)
        except FrameError as error:
            await self._refuse(error)

    async def _register(self, frame: Frame) -> None:
        if frame.type != protocol.REGISTER:
            raise FrameError("UNAUTHORIZED", "Authentication required", frame.id)
        claimed = protocol.read_registration(frame)
        try:
            identity = await self._prove(claimed)
        except ApiError as error:
            await self._turn_out(FrameError(error.code, error.message, frame.id))
            return
        self._connection.interests = claimed.interests
        self._services.hub.register(self._connection, identity)
        await self._services.relay.join(identity)
        self._services.metrics.frame("handled")
        await self._connection.send(protocol.registered(identity.session_id, _now()))

    async def _prove(self, claimed: Registration) -> Identity:
        """Return the identity of the token if it is the claimed one, also in the query; raises 401 or 403."""
        identity = await identify(self._services, self._token())
        query = self._request.query
        users = {claimed.user_id, query.get("userId", claimed.user_id)}
        devices = {claimed.device_id, query.get("deviceId", claimed.device_id)}
        if users != {identity.user_id} or devices != {identity.device_id}:
            raise ApiError(403, "PERMISSION_DENIED", "The token belongs to another user or device")
        return identity

    def _token(self) -> str:
        header = self._request.headers.get("Authorization", "")
        if header[: len(_SCHEME)].lower() == _SCHEME:
            return header[len(_SCHEME) :].strip()
        token = self._request.query.get("token")
        if not token:
            raise ApiError(401, "UNAUTHORIZED", "An access token is required")
        return token

    async def _route(self, frame: Frame, identity: Identity) -> None:
        if (frame.user_id, frame.from_device) != (identity.user_id, identity.device_id):
            error = FrameError("PERMISSION_DENIED", "The frame claims another user or device", frame.id)
            self._services.audit.note("frame in another name", identity.user_id, device_id=identity.device_id)
            await self._turn_out(error)
        elif frame.type == protocol.REGISTER:
            raise FrameError("ALREADY_REGISTERED", "This connection is registered", frame.id)
        elif frame.type == protocol.HEARTBEAT and frame.to_device is None:
            await self._settle(frame, "handled")
        elif frame.to_device == SERVER:
            await self._settle(frame, "handled" if await self._services.commands.heard(frame) else "failed")
        else:
            await self._deliver(frame)

    async def _refuse(self, error: FrameError) -> None:
        self._services.metrics.frame("refused")
        await self._connection.send(protocol.refused(error, _now()))
        if error.code == protocol.TOO_BIG:
            self._connection.end(Farewell(code=_TOO_BIG, reason=error.message))

    async def _turn_out(self, error: FrameError) -> None:
        await self._refuse(error)
        self._connection.end(Farewell(code=_POLICY, reason=error.message))

    async def _deliver(self, frame: Frame) -> None:
        hub, relay = self._services.hub, self._services.relay
        here = await hub.deliver(frame.user_id, frame.text, to=frame.to_device, sender=frame.from_device)
        if here and frame.to_device is not None:
            await self._settle(frame, "delivered")
            return
        forwarded = await relay.forward(frame)
        if here or not forwarded.answers:
            await self._settle(frame, "delivered" if here or forwarded.reached else "failed")
            return
        # The answer takes a while; the client's next frames do not wait for it.
        task = asyncio.create_task(self._settle_later(frame, forwarded.answers))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _settle_later(self, frame: Frame, answers: Sequence[asyncio.Future[int]]) -> None:
        delivered = await self._services.relay.answered(answers)
        await self._settle(frame, "delivered" if delivered else "failed")

    async def _settle(self, frame: Frame, outcome: str) -> None:
        self._services.metrics.frame(outcome)
        if frame.requires_ack:
            error = "No device is connected that could take it" if outcome == "failed" else None
            await self._connection.send(protocol.acknowledged(frame.id, _now(), error=error))


def _now() -> datetime:
    return datetime.now(UTC)
