"""The HTTP client of one virtual user."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Unpack
from urllib.parse import urlsplit

from pytest_roo_load.clients.counting import count_failure
from pytest_roo_load.clients.http.connection import Connection
from pytest_roo_load.clients.http.names import RouteNames
from pytest_roo_load.clients.http.request import RequestOptions, encode_body, encode_request, header_lines
from pytest_roo_load.clients.http.response import Response
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.core.ports import Recorder
from pytest_roo_load.errors import ConnectError, OperationError, OperationTimeout, UsageError

__all__ = ["HttpClient", "Origin"]

_EXEMPLAR_BYTES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where requests go."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of a URL such as http://127.0.0.1:8080.

        Raises:
            UsageError: The scheme is not http, there is no host, or there is a path, which would get lost.
        """
        allowed = "http://HOST:PORT (this client does not speak TLS)"
        try:
            parts = urlsplit(url)
            port = 80 if parts.port is None else parts.port
        except ValueError as error:
            raise UsageError(f"not a target, {error}", value=url, allowed=allowed) from error
        if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query:
            raise UsageError("not a target", value=url, allowed=allowed)
        return cls(host=parts.hostname, port=port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class HttpClient:
    """Requests of one user to one origin over keep-alive connections of the user's own.

    One request at a time uses one connection; requests that a user makes at once get one each. A status of 400 or more
    that was not expected is counted as a failed operation and the answer is returned all the same; what prevents an
    answer is counted and raised.
    """

    __slots__ = ("_headers", "_idle", "_lines", "_names", "_open", "_origin", "_recorder", "_sweeper", "timeout_s")

    def __init__(self, url: str, recorder: Recorder, sweeper: Sweeper, names: RouteNames | None = None) -> None:
        self._origin = Origin.of(url)
        self._recorder = recorder
        self._sweeper = sweeper
        self._names = names or RouteNames()
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._headers = {"Host": str(self._origin), "Accept": "*/*"}
        self._lines = header_lines(self._headers)
        self.timeout_s = 30.0

    def __repr__(self) -> str:
        return f"<HttpClient {self._origin}, {len(self._open)} connections, {len(self._idle)} idle>"

    def set_header(self, name: str, value: str | None) -> None:
        """Send a header with every request from now on; None takes it away."""
        self._headers.pop(name, None)
        if value is not None:
            self._headers[name] = value
        self._lines = header_lines(self._headers)

    async def get(self, path: str, **options: Unpack[RequestOptions]) -> Response:
        """GET; see `request`."""
        return await self.request("GET", path, **options)

    async def delete(self, path: str, **options: Unpack[RequestOptions]) -> Response:
        """DELETE; see `request`."""
        return await self.request("DELETE", path, **options)

    async def post(
        self, path: str, *, json: Any = None, body: bytes = b"", **options: Unpack[RequestOptions]
    ) -> Response:
        """POST; see `request`."""
        return await self.request("POST", path, json=json, body=body, **options)

    async def put(
        self, path: str, *, json: Any = None, body: bytes = b"", **options: Unpack[RequestOptions]
    ) -> Response:
        """PUT; see `request`."""
        return await self.request("PUT", path, json=json, body=body, **options)

    async def patch(
        self, path: str, *, json: Any = None, body: bytes = b"", **options: Unpack[RequestOptions]
    ) -> Response:
        """PATCH; see `request`."""
        return await self.request("PATCH", path, json=json, body=body, **options)

    async def request(
        self, method: str, path: str, *, json: Any = None, body: bytes = b"", **options: Unpack[RequestOptions]
    ) -> Response:
        """Send a request and wait for its complete answer; it is one operation.

        The latency counts from this call to the end of the answer, connecting included when no connection was idle.

        Args:
            method: An HTTP method in capitals.
            path: Path and query, percent-encoded.
            json: A value to send as JSON.
            body: Bytes to send instead.
            options: See `RequestOptions`.

        Raises:
            OperationError: No complete answer came; it has been counted.
            UsageError: The path or a header cannot be sent; nothing was.
        """
        data = self._encode(method, path, encode_body(json) if json is not None else body, json is not None, options)
        slot = self._recorder.slot(options.get("name") or self._names.name(method, path))
        slot.started += 1
        began = perf_counter()
        try:
            response = await self._exchange(data, began + options.get("timeout_s", self.timeout_s), method == "HEAD")
        except OperationError as error:
            count_failure(slot, perf_counter() - began, error, f"{method} {path}")
            raise
        latency = perf_counter() - began
        expected = options.get("expect")
        if response.ok if expected is None else response.status in expected:
            slot.ok.append(latency)
        else:
            slot.fail(latency, f"status {response.status}", _exemplar(method, path, response))
        return response

    async def close(self) -> None:
        """Close all connections; idempotent."""
        for connection in list(self._open):
            connection.close()

    def _encode(self, method: str, path: str, body: bytes, is_json: bool, options: RequestOptions) -> bytes:  # noqa: FBT001 - private
        lines = self._lines
        if is_json:
            lines += "Content-Type: application/json\r\n"
        if "headers" in options:
            lines += header_lines(options["headers"])
        return encode_request(method, path, lines, body)

    async def _exchange(self, data: bytes, deadline: float, bodiless: bool) -> Response:  # noqa: FBT001 - private
        connection = self._take_idle() or await self._connect(deadline)
        try:
            response = await connection.send(data, deadline, bodiless=bodiless)
        except asyncio.CancelledError:
            connection.close()
            raise
        if connection.reusable:
            self._idle.append(connection)
        return response

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
        return None

    async def _connect(self, deadline: float) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(deadline - perf_counter()):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._forget), self._origin.host, self._origin.port
                )
        except TimeoutError:
            raise OperationTimeout(f"no connection to {self._origin} before the deadline") from None
        except OSError as error:
            raise ConnectError(f"no connection to {self._origin}: {error}", kind=_connect_kind(error)) from error
        if connection.reusable:  # else it has ended already, and `_forget` was called for it
            self._open.add(connection)
            self._sweeper.watch(connection)
        return connection

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._sweeper.forget(connection)
        if connection in self._idle:
            self._idle.remove(connection)


def _connect_kind(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return "connection reset" if isinstance(error, ConnectionResetError) else "connect"


def _exemplar(method: str, path: str, response: Response) -> str:
    return f"{method} {path}: status {response.status}: {response.body[:_EXEMPLAR_BYTES].decode('utf-8', 'replace')}"
