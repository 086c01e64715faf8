"""Opens the WebSockets of one virtual user."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import perf_counter

from picows import WSError, ws_connect

from pytest_roo_load.clients.counting import count_failure
from pytest_roo_load.clients.http.names import route_of
from pytest_roo_load.clients.http.request import check_path, header_lines
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.clients.websocket.connection import Correlate, WebSocket
from pytest_roo_load.core.ports import Recorder
from pytest_roo_load.errors import ConnectError, OperationError, OperationTimeout

__all__ = ["WebSocketClient"]

_READ_BUFFER_BYTES = 2048


class WebSocketClient:
    """Opens connections to one target and closes what is left open."""

    __slots__ = ("_open", "_recorder", "_sweeper", "_url")

    def __init__(self, url: str, recorder: Recorder, sweeper: Sweeper) -> None:
        self._url = "ws" + url.removeprefix("http").rstrip("/")
        self._recorder = recorder
        self._sweeper = sweeper
        self._open: list[WebSocket] = []

    def __repr__(self) -> str:
        return f"<WebSocketClient {self._url}, {len(self._open)} connections>"

    async def connect(
        self,
        path: str,
        *,
        name: str | None = None,
        headers: Mapping[str, str] | None = None,
        correlate: Correlate | None = None,
        timeout_s: float = 30.0,
    ) -> WebSocket:
        """Open a connection; the opening handshake is one operation ("WS /ws").

        Args:
            path: Path and query on the target.
            name: The operation's name; default: "WS" and the route.
            headers: Headers of the handshake.
            correlate: Gives the key of the question that a message answers, None for one that answers none.
            timeout_s: Seconds until the handshake must be complete.

        Raises:
            OperationError: No connection; it has been counted.
            UsageError: The path or a header cannot be sent; nothing was.
        """
        check_path(path)
        header_lines(headers or {})
        slot = self._recorder.slot(name or f"WS {route_of(path)}")
        slot.started += 1
        began = perf_counter()
        try:
            socket = await self._handshake(path, headers, correlate, timeout_s)
        except OperationError as error:
            count_failure(slot, perf_counter() - began, error, f"WS {route_of(path)}")
            raise
        slot.ok.append(perf_counter() - began)
        self._open = [*(one for one in self._open if one.is_open), socket]
        return socket

    async def _handshake(
        self, path: str, headers: Mapping[str, str] | None, correlate: Correlate | None, timeout_s: float
    ) -> WebSocket:
        socket = WebSocket(self._recorder, self._sweeper, correlate)
        try:
            async with asyncio.timeout(timeout_s):
                await ws_connect(
                    lambda: socket,
                    self._url + path,
                    extra_headers=headers,
                    websocket_handshake_timeout=timeout_s,
                    read_buffer_init_size=_READ_BUFFER_BYTES,
                    max_frame_size=16 * 2**20,
                    max_redirects=0,  # load goes where the target is, nowhere else
                )
        except TimeoutError:
            socket.abort()
            raise OperationTimeout("no WebSocket handshake before the deadline") from None
        except (WSError, OSError) as error:
            refused = isinstance(error, ConnectionRefusedError)
            raise ConnectError(
                f"no WebSocket: {error}", kind="connection refused" if refused else "handshake"
            ) from error
        except asyncio.CancelledError:
            socket.abort()
            raise
        if not socket.was_open:
            raise ConnectError("no WebSocket: the server closed the connection in the handshake", kind="handshake")
        return socket

    async def close(self) -> None:
        """Close every connection that is still open; idempotent."""
        for socket in self._open:
            await socket.close()
        self._open = []
