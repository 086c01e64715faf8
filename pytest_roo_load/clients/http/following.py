"""Requests that may become several: redirects (RFC 9110, 15.4) and retries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, cast
from urllib.parse import urljoin, urlsplit

from pytest_roo_load.clients.http.body import StreamedBody, body_of
from pytest_roo_load.clients.http.origin import Origin
from pytest_roo_load.clients.http.request import Accepts, RequestOptions, check_path
from pytest_roo_load.clients.http.response import Response
from pytest_roo_load.clients.http.settings import HttpSettings
from pytest_roo_load.errors import OperationError, UnexpectedAnswer, UsageError

__all__ = ["Hop", "OrRedirect", "follow"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_OF_THE_BODY = frozenset({"json", "body", "form", "files", "size_bytes"})
_BODY_HEADERS = frozenset({"content-type", "content-encoding", "content-language", "content-location"})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})


class Hop(NamedTuple):
    """One request of a chain."""

    origin: Origin
    method: str
    path: str
    options: RequestOptions


Send = Callable[[Hop], Awaitable[Response]]


async def follow(send: Send, hop: Hop, settings: HttpSettings) -> Response:
    """The answer at the end of a chain of redirects, each of whose requests is repeated as often as was asked for.

    Args:
        send: Performs one request as an operation.
        hop: The first request.
        settings: How far to go. Nothing goes to another origin that is not allowed, and no credentials to any.

    Raises:
        UnexpectedAnswer: Of kind "redirect": the chain is too long, leads elsewhere, or cannot be followed.
        OperationError: No answer came, after all attempts.
    """
    home = hop.origin
    for _ in range(settings.max_redirects + 1):
        response = await _attempts(send, hop, settings)
        location = response.headers.get("location") if response.status in _REDIRECTS else None
        if location is None or not settings.follow_redirects:
            return response
        hop = _next(hop, response.status, location, {home, *map(Origin.of, settings.allow_origins)})
    raise _refusal(f"more than {settings.max_redirects} redirects in a row")


async def _attempts(send: Send, hop: Hop, settings: HttpSettings) -> Response:
    retries, pause_s = hop.options.get("retries", 0), settings.retry_pause_s
    if retries:
        _check_replayable(hop.options)
    for _ in range(retries):
        try:
            response = await send(hop)
        except OperationError:
            pass  # it has been counted, and the next attempt is the answer to it
        else:
            if response.status not in _TRY_AGAIN:
                return response
        await asyncio.sleep(pause_s)
        pause_s *= 2
    return await send(hop)


def _check_replayable(options: RequestOptions) -> None:
    body, _ = body_of(options)
    if isinstance(body, StreamedBody) and not body.replayable:
        raise UsageError(
            "a body that can be sent only once", value=body, allowed="with retries: bytes, a file or a list of bytes"
        )


def _next(hop: Hop, status: int, location: str, allowed: set[Origin]) -> Hop:
    """The request that a redirect asks for."""
    try:
        parts = urlsplit(urljoin(hop.origin.url + hop.path, location))
        origin = Origin.of(f"{parts.scheme}://{parts.netloc}")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        check_path(path)
    except (UsageError, ValueError) as error:
        raise _refusal(f"it leads to {location!r:.200}, which is no place: {error}") from error
    if origin not in allowed:
        raise _refusal(f"it leads to {origin.url}, which the setting allow_origins does not name")
    method = _method(status, hop.method)
    return Hop(origin, method, path, _options(hop, method, same_origin=origin == hop.origin))


def _method(status: int, method: str) -> str:
    """303 asks for a GET; after 301 and 302 a POST becomes one, as it does in every browser."""
    to_get = (status == 303 and method != "HEAD") or (status in {301, 302} and method == "POST")  # noqa: PLR2004
    return "GET" if to_get else method


def _options(hop: Hop, method: str, *, same_origin: bool) -> RequestOptions:
    """What goes on: not the name, the body only with the method, credentials only within the origin."""
    options = {key: value for key, value in hop.options.items() if key != "name"}
    unwanted = frozenset() if same_origin else _CREDENTIALS
    if method != hop.method:
        options = {key: value for key, value in options.items() if key not in _OF_THE_BODY}
        unwanted |= _BODY_HEADERS
    else:
        _check_resendable(hop)
    headers = hop.options.get("headers", {})
    options["headers"] = {name: value for name, value in headers.items() if name.lower() not in unwanted}
    return cast("RequestOptions", options)


def _check_resendable(hop: Hop) -> None:
    body, _ = body_of(hop.options)
    if isinstance(body, StreamedBody) and not body.replayable:
        raise _refusal("it asks for a body again that can be sent only once")


def _refusal(why: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(f"a redirect was not followed: {why}", kind="redirect")


class OrRedirect:
    """Statuses that are a success while redirects are followed."""

    __slots__ = ("_expected",)

    def __init__(self, expected: Accepts) -> None:
        self._expected = expected

    def __contains__(self, status: object) -> bool:
        return status in _REDIRECTS or status in self._expected
