"""The other transport: aiohttp, for comparison and where its behaviour is wanted."""

from __future__ import annotations

import asyncio
import contextlib
import io
import ssl
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any, NoReturn

import aiohttp
from yarl import URL

from pytest_roo_load.clients.http.body import StreamedBody
from pytest_roo_load.clients.http.connecting import Opened, connect_error
from pytest_roo_load.clients.http.origin import Origin
from pytest_roo_load.clients.http.response import Head, RawHeaders, Response, Timing
from pytest_roo_load.clients.http.settings import HttpSettings
from pytest_roo_load.errors import ConnectionLost, OperationTimeout, ProtocolError, UsageError

if TYPE_CHECKING:
    from pytest_roo_load.clients.http.connection import Connection

__all__ = ["AiohttpTransport"]

_OWN_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
_HEAD_BYTES = 256 * 2**10
_ENOUGH_BYTES = 256 * 2**10


class AiohttpTransport:
    """See `transport.Transport`. The time for connecting includes TLS, because aiohttp does not tell them apart."""

    def __init__(self, origin: Origin, settings: HttpSettings, opened: Callable[[Opened], object]) -> None:
        self._origin = origin
        self._settings = settings
        self._opened = opened
        self._session: aiohttp.ClientSession | None = None
        self.latest: Connection | None = None

    def __repr__(self) -> str:
        connector = self._session.connector if self._session is not None else None
        return f"aiohttp, {'closed' if connector is None or connector.closed else 'open'}"

    async def exchange(self, head: bytes, body: bytes | StreamedBody, deadline: float) -> Response:
        """See `transport.Transport`."""
        began = perf_counter()
        with _translated(self._origin):
            async with asyncio.timeout(deadline - began), self._send(head, body) as answer:
                self._check_head(answer)
                first = perf_counter()
                content = await self._read(answer)
        timing = Timing(first_byte_s=first - began, body_s=perf_counter() - first) if self._settings.timing else None
        return Response.of(Head(answer.status, answer.raw_headers), content, timing)

    def forsake(self) -> None:
        """See `transport.Transport`: aiohttp has done so."""

    async def stream(self, head: bytes, body: bytes | StreamedBody, timeout_s: float) -> _AiohttpStream:
        """See `transport.Transport`."""
        with _translated(self._origin):
            async with asyncio.timeout(timeout_s):
                answer = await self._send(head, body)
                self._check_head(answer)
        return _AiohttpStream(self._origin, answer, timeout_s)

    async def close(self) -> None:
        """See `transport.Transport`."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _send(self, head: bytes, body: bytes | StreamedBody) -> Any:
        line, *fields = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        method, path, _ = line.split(" ")
        headers = [(name, value) for name, _, value in (field.partition(": ") for field in fields)]
        return self._ready().request(
            method,
            URL(self._origin.url + path, encoded=True),
            headers=[field for field in headers if field[0] != "Transfer-Encoding"],
            data=_data(body),
            allow_redirects=False,
            server_hostname=self._settings.server_name,
        )

    def _ready(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = self._settings.context() if self._origin.tls else True
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=context),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_OWN_HEADERS,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None),
                trace_configs=[self._tracing()],
                max_line_size=_HEAD_BYTES,
                max_field_size=_HEAD_BYTES,
                read_bufsize=_ENOUGH_BYTES,
            )
        return self._session

    def _tracing(self) -> aiohttp.TraceConfig:
        tracing = aiohttp.TraceConfig()

        async def begin(_session: object, context: Any, _parameters: object) -> None:
            context.began = perf_counter()

        async def end(_session: object, context: Any, _parameters: object) -> None:
            self._opened(Opened(perf_counter() - context.began, None))

        tracing.on_connection_create_start.append(begin)
        tracing.on_connection_create_end.append(end)
        return tracing

    def _check_head(self, answer: aiohttp.ClientResponse) -> None:
        if len(answer.raw_headers) > self._settings.max_headers:
            answer.close()
            raise ProtocolError(f"the answer has more than {self._settings.max_headers} headers", kind="too large")

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        pieces, size = [], 0
        async for piece in answer.content.iter_any():
            size += len(piece)
            if size > self._settings.max_body_bytes:
                answer.close()
                most = self._settings.max_body_bytes
                raise ProtocolError(f"the body is longer than {most:,} bytes", kind="too large")
            pieces.append(piece)
        return b"".join(pieces)


class _AiohttpStream:
    """See `transport.Stream`."""

    def __init__(self, origin: Origin, answer: aiohttp.ClientResponse, timeout_s: float) -> None:
        self._origin = origin
        self._answer = answer
        self._timeout_s = timeout_s
        self.status = answer.status
        self.raw_headers: RawHeaders = list(answer.raw_headers)

    async def read(self) -> bytes:
        """See `transport.Stream`."""
        with _translated(self._origin):
            async with asyncio.timeout(self._timeout_s):
                return await self._answer.content.readany()

    def close(self) -> None:
        """See `transport.Stream`."""
        if self._answer.content.at_eof():
            self._answer.release()
        else:
            self._answer.close()


def _data(body: bytes | StreamedBody) -> Any:
    if isinstance(body, StreamedBody):
        return _counted(body)
    return io.BytesIO(body) if len(body) > _ENOUGH_BYTES else body or None  # aiohttp wants long ones as files


async def _counted(body: StreamedBody) -> Any:
    """The pieces, as long together as was announced."""
    sent = 0
    async for piece in body:
        sent += len(piece)
        yield piece
    if body.size_bytes not in {None, sent}:
        raise UsageError("not the length of the body", value=body.size_bytes, allowed=f"what was sent, {sent}")


@contextlib.contextmanager
def _translated(origin: Origin) -> Iterator[None]:
    """Turn aiohttp's errors into ours."""
    try:
        yield
    except TimeoutError:
        raise OperationTimeout("no complete answer before the deadline") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        _raise_as_ours(error, origin)


def _raise_as_ours(error: Exception, origin: Origin) -> NoReturn:
    what = f"no connection to {origin}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        raise connect_error(error.certificate_error, what) from error  # type: ignore[arg-type]
    if isinstance(error, aiohttp.ClientConnectorError):
        ended = origin.tls and isinstance(error.os_error, ConnectionResetError | ConnectionAbortedError)
        trouble = ssl.SSLError("the connection ended in the TLS handshake") if ended else error.os_error
        raise connect_error(trouble, what) from error
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | OSError):
        raise ConnectionLost(f"the server closed the connection before the answer was complete: {error}") from error
    if isinstance(error, aiohttp.ClientPayloadError):
        broken = isinstance(error.__cause__, aiohttp.http_exceptions.TransferEncodingError)
        sort = ProtocolError if broken else ConnectionLost
        raise sort(f"the answer is not complete: {error}") from error
    raise ProtocolError(f"the answer is not HTTP: {error}") from error
