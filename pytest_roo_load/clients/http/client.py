"""The HTTP client of one virtual user."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any, Unpack

from pytest_roo_load.clients.counting import count_cancelled, count_failure
from pytest_roo_load.clients.http import authentication
from pytest_roo_load.clients.http.body import StreamedBody, body_of
from pytest_roo_load.clients.http.coding import accepted_codings, decoded, decoder_of
from pytest_roo_load.clients.http.connecting import Opened
from pytest_roo_load.clients.http.cookies import CookieJar
from pytest_roo_load.clients.http.following import Hop, OrRedirect, follow
from pytest_roo_load.clients.http.names import RouteNames
from pytest_roo_load.clients.http.origin import Origin
from pytest_roo_load.clients.http.place import CREDENTIALS, Place, without
from pytest_roo_load.clients.http.request import RequestOptions, check_options, framing_line, header_lines
from pytest_roo_load.clients.http.response import RawHeaders, Response
from pytest_roo_load.clients.http.settings import HttpSettings
from pytest_roo_load.clients.http.streaming import StreamedResponse
from pytest_roo_load.clients.http.transport import Transport, transport_to
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.core.ports import Recorder, Slot
from pytest_roo_load.errors import OperationError

__all__ = ["HttpClient"]

_EXEMPLAR_BYTES = 500
_FRAMING = frozenset({"content-length", "transfer-encoding"})
_USUAL = HttpSettings()
_USUAL_HEADERS: Mapping[str, str] = {"Accept": "*/*"}


class HttpClient:
    """Requests of one user to one origin over keep-alive connections of the user's own.

    One request at a time uses one connection; requests that a user makes at once get one each. A status of 400 or more
    that was not expected is counted as a failed operation and the answer is returned all the same; what prevents an
    answer is counted and raised. How long new connections take is seen in the groups "connect" and "TLS handshake".

    Load goes where the target is, and directly: HTTP_PROXY and the like in the environment are ignored, because a
    proxy would be what is measured.

    Attributes:
        cookies: What the server has told this user to remember.
        settings: How the client behaves; `configure` changes them.
    """

    __slots__ = (
        "_bare", "_finishing", "_headers", "_home", "_jar", "_names", "_others", "_plain", "_recorder", "_retired",
        "_sweeper", "cookies", "settings", "timeout_s",
    )  # fmt: skip

    def __init__(
        self,
        url: str,
        recorder: Recorder,
        sweeper: Sweeper,
        names: RouteNames | None = None,
        settings: HttpSettings | None = None,
    ) -> None:
        self._recorder = recorder
        self._sweeper = sweeper
        self._names = RouteNames() if names is None else names
        self._headers = _USUAL_HEADERS
        self._others: tuple[Place, ...] = ()
        self._retired: tuple[Transport, ...] = ()
        self.cookies = CookieJar()
        self._apply(settings or _USUAL, Origin.of(url))

    def __repr__(self) -> str:
        return f"<HttpClient {self._home.origin}, {self._home.transport!r}>"

    def configure(self, **changes: Any) -> None:
        """Change settings, from the next request on: `user.http.configure(ca_file="ca.pem", follow_redirects=True)`.

        Connections that are open are not used any more, so best before the first request.

        Args:
            changes: See `HttpSettings`.

        Raises:
            UsageError: There is no such setting, its value is not allowed, or a file cannot be read.
        """
        settings = self.settings.changed(changes)
        settings.context()
        self._retired += tuple(place.transport for place in self._places())
        if self.settings.decompress:
            self._headers = without({"accept-encoding"}, self._headers)
        self._apply(settings, self._home.origin)

    def _apply(self, settings: HttpSettings, origin: Origin) -> None:
        self.settings = settings
        self.timeout_s = settings.timeout_s
        self._finishing = settings.decompress or settings.timing
        self._jar = self.cookies if settings.cookies else None
        self._plain = not settings.follow_redirects
        self._bare = self._plain and not self._finishing and not self._jar
        if settings.decompress:
            self._headers = {**self._headers, "Accept-Encoding": accepted_codings()}
        self._others = ()
        self._home = Place(origin, self._transport(origin), self._headers)

    def _transport(self, origin: Origin) -> Transport:
        return transport_to(origin, self.settings, self._sweeper, self._opened)

    def set_header(self, name: str, value: str | None) -> None:
        """Send a header with every request from now on; None takes it away."""
        headers = {known: kept for known, kept in self._headers.items() if known.lower() != name.lower()}
        if value is not None:
            headers[name] = value
        self._home.put_on(headers)
        self._headers = headers
        for place in self._others:
            place.put_on(without(CREDENTIALS, headers))

    def basic_auth(self, name: str, password: str) -> None:
        """Log in with every request by name and password (RFC 7617)."""
        self.set_header("Authorization", authentication.basic(name, password))

    def bearer_auth(self, token: str) -> None:
        """Log in with every request by a token (RFC 6750)."""
        self.set_header("Authorization", authentication.bearer(token))

    def get(self, path: str, **options: Unpack[RequestOptions]) -> Coroutine[Any, Any, Response]:
        """GET; see `request`."""
        if self._bare and not options:
            return self._get(path)
        return self._ask("GET", path, options)

    def delete(self, path: str, **options: Unpack[RequestOptions]) -> Coroutine[Any, Any, Response]:
        """DELETE; see `request`."""
        return self._ask("DELETE", path, options)

    def post(self, path: str, **options: Unpack[RequestOptions]) -> Coroutine[Any, Any, Response]:
        """POST; see `request`."""
        return self._ask("POST", path, options)

    def put(self, path: str, **options: Unpack[RequestOptions]) -> Coroutine[Any, Any, Response]:
        """PUT; see `request`."""
        return self._ask("PUT", path, options)

    def patch(self, path: str, **options: Unpack[RequestOptions]) -> Coroutine[Any, Any, Response]:
        """PATCH; see `request`."""
        return self._ask("PATCH", path, options)

    def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> Coroutine[Any, Any, Response]:
        """Send a request and wait for its complete answer; it is one operation.

        The latency counts from this call to the end of the answer, connecting included when no connection was idle.
        Each attempt of a request with `retries`, and each redirect that is followed, is an operation of its own, named
        by its own route.

        Args:
            method: An HTTP method in capitals.
            path: Path and query, percent-encoded.
            options: See `RequestOptions`.

        Raises:
            OperationError: No complete answer came; it has been counted.
            UsageError: The path, a header or the body cannot be sent; nothing was.
        """
        return self._ask(method, path, options)

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, **options: Unpack[RequestOptions]
    ) -> AsyncIterator[StreamedResponse]:
        """Send a request and read its answer while it comes, in constant memory; it is one operation.

        ::

            async with user.http.stream("GET", "/big") as answer:
                async for chunk in answer:
                    ...

        The latency counts from this call until the end of the block. A slow reader makes the server wait. A block that
        is left before the end of the answer closes the connection; the operation counts as successful all the same,
        unless an exception leaves the block: then it counts as interrupted, or as failed where the journey did not wait
        for its end, as with `asyncio.timeout`. Redirects are not followed.

        Raises:
            OperationError: No head came, or not the whole body; it has been counted.
            UsageError: The request cannot be sent; nothing was.
        """
        began, place = perf_counter(), self._home
        name, line = self._names[method, path]
        end, body = self._prepared(method, path, options, place)
        slot = self._recorder.slot(options.get("name") or name)
        slot.started += 1
        answer: StreamedResponse | None = None
        try:
            stream = await place.transport.stream(line + end, body, options.get("timeout_s", self.timeout_s))
            self._remember(stream.raw_headers, place.origin, path)
            try:
                answer = StreamedResponse(stream, decoding=self.settings.decompress)
                yield answer
            finally:
                stream.close()
        except OperationError as error:
            if answer is None or error is answer.failure:
                count_failure(slot, perf_counter() - began, error, f"{method} {path}")
            raise
        except asyncio.CancelledError as error:
            waited_s, interrupting = perf_counter() - began, self._sweeper.interrupting
            count_cancelled(slot, waited_s, error, f"{method} {path}", interrupting=interrupting)
            raise
        expected, latency = options.get("expect"), perf_counter() - began
        if answer.ok if expected is None else answer.status in expected:
            slot.ok.append(latency)
        else:
            slot.fail(latency, f"status {answer.status}", f"{method} {path}: status {answer.status}")

    async def close(self) -> None:
        """Close all connections; idempotent."""
        for transport in (*self._retired, *(place.transport for place in self._places())):
            await transport.close()

    def _ask(self, method: str, path: str, options: RequestOptions) -> Coroutine[Any, Any, Response]:
        if self._plain and (not options or "retries" not in options):
            return self._once(method, path, options, self._home)
        return self._follow(Hop(self._home.origin, method, path, options))

    async def _get(self, path: str) -> Response:
        """What `_once` does, when nothing is special about a GET: most are, so nothing is looked at that it lacks."""
        began, place = perf_counter(), self._home
        name, head = place.gets.get(path) or place.plan_get(path, self._names)
        slot = self._recorder.slot(name)
        slot.started += 1
        connection = place.transport.latest
        try:
            if connection is not None and connection.idle:
                response = await connection.ask(head, began + self.timeout_s)
            else:
                response = await place.transport.exchange(head, b"", began + self.timeout_s)
        except BaseException as error:
            self._give_up(error, place, slot, latency_s=perf_counter() - began, request=f"GET {path}")
            raise
        latency = perf_counter() - began
        if response.head.plain:
            slot.ok.append(latency)
            return response
        if response.head.ok:
            slot.ok.append(latency)
        else:
            slot.fail(latency, f"status {response.status}", _exemplar("GET", path, response))
        if response.head.sets_cookies:
            self._remember(response.raw_headers, place.origin, path)
        return response

    async def _once(self, method: str, path: str, options: RequestOptions, place: Place) -> Response:
        began = perf_counter()
        name, line = self._names[method, path]
        end, body = self._prepared(method, path, options, place)
        name = options.get("name") or name
        slot = self._recorder.slot(name)
        slot.started += 1
        try:
            deadline = began + options.get("timeout_s", self.timeout_s)
            response = await place.transport.exchange(line + end, body, deadline)
            latency = perf_counter() - began
            if self._finishing:
                self._finish(response, name)
        except BaseException as error:
            self._give_up(error, place, slot, latency_s=perf_counter() - began, request=f"{method} {path}")
            raise
        if response.head.sets_cookies:
            self._remember(response.raw_headers, place.origin, path)
        expected = options.get("expect")
        if response.head.ok if expected is None else response.head.status in expected:
            slot.ok.append(latency)
        else:
            slot.fail(latency, f"status {response.status}", _exemplar(method, path, response))
        return response

    def _give_up(self, error: BaseException, place: Place, slot: Slot, *, latency_s: float, request: str) -> None:
        """Count what prevented an answer; if it was the end of who waited for it, let the answer go."""
        if isinstance(error, OperationError):
            count_failure(slot, latency_s, error, request)
        elif isinstance(error, asyncio.CancelledError):
            count_cancelled(slot, latency_s, error, request, interrupting=self._sweeper.interrupting)
            place.transport.forsake()

    def _remember(self, raw_headers: RawHeaders, origin: Origin, path: str) -> None:
        """Keep the cookies that an answer sets, if cookies are kept."""
        if self._jar is not None:
            self._jar.store(raw_headers, origin, path)
            self._bare = False

    async def _follow(self, first: Hop) -> Response:
        following = self.settings.follow_redirects

        async def send(hop: Hop) -> Response:
            options, expected = hop.options, hop.options.get("expect")
            if following and expected is not None:
                options = options | {"expect": OrRedirect(expected)}
            return await self._once(hop.method, hop.path, options, self._place(hop.origin))

        try:
            return await follow(send, first, self.settings)
        except OperationError as error:
            if not error.counted:
                slot = self._recorder.slot(first.options.get("name") or self._names[first.method, first.path][0])
                slot.started += 1
                count_failure(slot, 0.0, error, f"{first.method} {first.path}")
            raise

    def _prepared(
        self, method: str, path: str, options: RequestOptions, place: Place
    ) -> tuple[bytes, bytes | StreamedBody]:
        """The rest of a request's head, and its body; its own headers win over the client's, and those over ours."""
        check_options(options)
        body, kind = body_of(options)
        own, dress = options.get("headers", {}), place.dress
        taken = {name.lower() for name in own}
        lines = dress.lines if not taken & dress.names else header_lines(without(taken, dress.headers))
        lines += header_lines(own)
        given = taken | dress.names
        if kind is not None and "content-type" not in given:
            lines += f"Content-Type: {kind}\r\n"
        if self._jar and "cookie" not in given:
            lines += self._jar.line(place.origin, path)
        if not given & _FRAMING:
            lines += framing_line(method, body)
        return f"{lines}\r\n".encode("latin-1"), body

    def _finish(self, response: Response, name: str) -> None:
        """What only some clients want done to an answer."""
        if response.timing is not None:
            self._record_group(f"first byte of {name}", response.timing.first_byte_s)
            self._record_group(f"body of {name}", response.timing.body_s)
        decoder = decoder_of(response.raw_headers) if self.settings.decompress else None
        if decoder is not None:
            response.body = decoded(decoder, response.body, self.settings.max_body_bytes)

    def _opened(self, opened: Opened) -> None:
        self._record_group("connect", opened.connect_s)
        if opened.tls_s is not None:
            self._record_group("TLS handshake", opened.tls_s)

    def _record_group(self, name: str, seconds: float) -> None:
        slot = self._recorder.group_slot(name)
        slot.started += 1
        slot.ok.append(seconds)

    def _places(self) -> tuple[Place, ...]:
        return self._home, *self._others

    def _place(self, origin: Origin) -> Place:
        for place in self._places():
            if place.origin == origin:
                return place
        place = Place(origin, self._transport(origin), without(CREDENTIALS, self._headers))
        self._others += (place,)
        return place


def _exemplar(method: str, path: str, response: Response) -> str:
    return f"{method} {path}: status {response.status}: {response.body[:_EXEMPLAR_BYTES].decode('utf-8', 'replace')}"
