"""Opens the WebSockets of one virtual user."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from time import perf_counter
from typing import Any, TypedDict, Unpack

from picows import WSError, ws_connect

from pytest_roo_load.clients.counting import count_cancelled, count_failure
from pytest_roo_load.clients.http.connecting import connect_error
from pytest_roo_load.clients.http.names import route_of
from pytest_roo_load.clients.http.origin import Origin
from pytest_roo_load.clients.http.request import check_path, header_lines, refuse_option
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.clients.tls import TlsSettings
from pytest_roo_load.clients.websocket.connection import MAX_MESSAGE_BYTES, Correlate, WebSocket
from pytest_roo_load.clients.websocket.deflate import OFFER, Agreement
from pytest_roo_load.core.ports import Recorder
from pytest_roo_load.errors import ConnectError, OperationError, OperationTimeout, UsageError

__all__ = ["ConnectOptions", "WebSocketClient"]

_LOGGER = logging.getLogger("picows.client")
_READ_BUFFER_BYTES = 2048
_USUAL = TlsSettings()
_LONGEST_PAUSE_S = 5.0
_OURS = frozenset({"sec-websocket-protocol", "sec-websocket-extensions"})


class ConnectOptions(TypedDict, total=False):
    """What a connection may be given.

    Attributes:
        name: The name of the handshake as an operation; default: "WS" and the route.
        headers: Headers of the handshake.
        correlate: Gives the key of the question that a message answers, None for one that answers none.
        timeout_s: Seconds until the handshake must be complete; default: 30.
        subprotocols: What is offered, the liked best first; `socket.subprotocol` is what the server chose.
        compress: Whether compression of messages is offered (permessage-deflate); `socket.is_compressed` tells
            whether the server agreed. It costs the generator several times the work and memory per message.
    """

    name: str
    headers: Mapping[str, str]
    correlate: Correlate
    timeout_s: float
    subprotocols: Sequence[str]
    compress: bool


_CONNECT_OPTIONS = ConnectOptions.__annotations__.keys()


class WebSocketClient:
    """Opens connections to one target and closes what is left open. Proxies of the environment are ignored.

    Args:
        url: Of the target, http or ws; with a path, that is the `entrance`.

    Attributes:
        entrance: The path at which the target takes WebSockets, None when its URL has none.
        settings: How connections to a wss target are secured; `configure` changes them.
        source: Address of this machine from which connections are made, None for any: each address has some 28,000
            ports towards one target.
    """

    __slots__ = ("_open", "_recorder", "_sweeper", "_tls", "_url", "entrance", "settings", "source")

    def __init__(self, url: str, recorder: Recorder, sweeper: Sweeper, settings: TlsSettings | None = None) -> None:
        origin, self.entrance = _split(url)
        self._tls = origin.tls
        self._url = origin.url.replace("http", "ws", 1)
        self._recorder = recorder
        self._sweeper = sweeper
        self._open: list[WebSocket] = []
        self.settings = settings or _USUAL
        self.source: str | None = None

    def __repr__(self) -> str:
        return f"<WebSocketClient {self._url}, {len(self._open)} connections>"

    def configure(self, **changes: Any) -> None:
        """Change settings for connections opened from now on: `user.websocket.configure(ca_file="ca.pem")`.

        Args:
            changes: See `TlsSettings`.

        Raises:
            UsageError: There is no such setting, or a file cannot be read.
        """
        settings = self.settings.changed(changes)
        settings.context()
        self.settings = settings

    async def connect(self, path: str, **options: Unpack[ConnectOptions]) -> WebSocket:
        """Open a connection; the opening handshake is one operation ("WS /ws").

        Args:
            path: Path and query on the target.
            options: See `ConnectOptions`.

        Raises:
            OperationError: No connection; it has been counted.
            UsageError: The path, a header or a subprotocol cannot be sent; nothing was.
        """
        check_path(path)
        headers = _headers(options)
        slot = self._recorder.slot(options.get("name") or f"WS {route_of(path)}")
        slot.started += 1
        began = perf_counter()
        try:
            socket = await self._handshake(path, headers, options)
        except OperationError as error:
            count_failure(slot, perf_counter() - began, error, f"WS {route_of(path)}")
            raise
        except asyncio.CancelledError as error:
            waited_s, interrupting = perf_counter() - began, self._sweeper.interrupting
            count_cancelled(slot, waited_s, error, f"WS {route_of(path)}", interrupting=interrupting)
            raise
        slot.ok.append(perf_counter() - began)
        self._open = [*(one for one in self._open if one.is_open), socket]
        return socket

    async def reconnect(
        self, path: str, *, attempts: int = 5, pause_s: float = 0.1, **options: Unpack[ConnectOptions]
    ) -> WebSocket:
        """Connect, and try again when that fails; each attempt is an operation, as with `connect`.

        Args:
            path: Path and query on the target.
            attempts: How many in all.
            pause_s: Seconds before the second attempt; doubles each time up to 5 s.
            options: See `ConnectOptions`.

        Raises:
            OperationError: The last attempt failed too.
        """
        if attempts < 1:
            raise UsageError("not a number of attempts", value=attempts, allowed="1 or more")
        for _ in range(attempts - 1):
            try:
                return await self.connect(path, **options)
            except OperationError:  # it has been counted, and the next attempt is the answer to it
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return await self.connect(path, **options)

    async def _handshake(self, path: str, headers: Mapping[str, str], options: ConnectOptions) -> WebSocket:
        correlate = options.get("correlate")
        socket = WebSocket(self._recorder, self._sweeper, correlate, lambda answer: _agreed(answer, options))
        timeout_s = options.get("timeout_s", 30.0)
        try:
            async with asyncio.timeout(timeout_s):
                await ws_connect(
                    lambda: socket,
                    self._url + path,
                    extra_headers=headers,
                    websocket_handshake_timeout=timeout_s,
                    read_buffer_init_size=_READ_BUFFER_BYTES,
                    max_frame_size=MAX_MESSAGE_BYTES,
                    max_redirects=0,  # load goes where the target is, nowhere else
                    use_aiofastnet=False,  # the loop's own transport takes 5 KB less
                    logger_name=_LOGGER,  # else each connection makes one
                    **self._origin(),
                    **self._security(),
                )
        except TimeoutError:
            socket.abort()
            raise OperationTimeout("no WebSocket handshake before the deadline") from None
        except (WSError, OSError) as error:
            raise _handshake_error(error) from error
        except asyncio.CancelledError:
            socket.abort()
            raise
        if not socket.was_open:
            raise ConnectError("no WebSocket: the server closed the connection in the handshake", kind="handshake")
        if socket.refusal is not None:
            raise ConnectError(f"no WebSocket: {socket.refusal}", kind="handshake") from socket.refusal
        return socket

    def _origin(self) -> dict[str, Any]:
        return {} if self.source is None else {"local_addr": (self.source, 0)}

    def _security(self) -> dict[str, Any]:
        if not self._tls:
            return {}
        name = self.settings.server_name
        return {"ssl_context": self.settings.context()} | ({"server_hostname": name} if name is not None else {})

    async def close(self) -> None:
        """Close every connection that is still open; idempotent."""
        for socket in self._open:
            await socket.close()
        self._open = []


@lru_cache(maxsize=16)
def _split(url: str) -> tuple[Origin, str | None]:
    """The origin of a URL whose scheme is that of HTTP or of WebSockets, and its path."""
    scheme, _, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return Origin.of(f"{scheme.replace('ws', 'http', 1)}://{place}"), slash + path or None


def _headers(options: ConnectOptions) -> dict[str, str]:
    """The handshake's own headers; checked, as the other options are."""
    if not options.keys() <= _CONNECT_OPTIONS:
        refuse_option("a connection", options, _CONNECT_OPTIONS)
    headers = dict(options.get("headers", {}))
    if taken := [name for name in headers if name.lower() in _OURS]:
        raise UsageError("a header of the handshake", value=taken[0], allowed="the options subprotocols and compress")
    if isinstance(options.get("subprotocols"), str):
        given = options["subprotocols"]
        raise UsageError("not a list of names", value=given, allowed=f"[{given!r}]", place="subprotocols=")
    if options.get("subprotocols"):
        headers["Sec-WebSocket-Protocol"] = ", ".join(options["subprotocols"])
    if options.get("compress"):
        headers["Sec-WebSocket-Extensions"] = OFFER
    header_lines(headers)
    return headers


def _agreed(headers: Mapping[str, str], options: ConnectOptions) -> Agreement | None:
    """What the server has chosen of what was offered; ValueError when it chose anything else."""
    extension, subprotocol = headers.get("Sec-WebSocket-Extensions", ""), headers.get("Sec-WebSocket-Protocol")
    if subprotocol is not None and subprotocol not in options.get("subprotocols", ()):
        raise ValueError(f"the server chose the subprotocol {subprotocol!r}, which was not offered")
    if extension and not options.get("compress"):
        raise ValueError(f"the server chose the extension {extension!r}, which was not offered")
    return Agreement.of(extension)


def _handshake_error(error: WSError | OSError) -> ConnectError:
    known = connect_error(error, "no WebSocket") if isinstance(error, OSError) else None
    if known is not None and known.kind in {"connection refused", "tls"}:
        return known
    return ConnectError(f"no WebSocket: {error}", kind="handshake")
