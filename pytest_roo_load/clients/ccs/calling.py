"""Requests to the CCS: the envelope is taken off, and what the server does not offer is told from what it refuses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pytest_roo_load.clients.http.names import route_of
from pytest_roo_load.clients.http.response import Response
from pytest_roo_load.core.ports import User
from pytest_roo_load.errors import NotOffered, ProtocolError, UnexpectedAnswer

__all__ = ["PREFIX", "answer_of", "call", "check", "is_offered", "operation"]

PREFIX = "/api/v1"
_NO_ROUTE = frozenset({405, 501})
_NOT_FOUND = 404
_NO_THING = "_NOT_FOUND"
_ROUTES = frozenset({"ROUTE_NOT_FOUND", "ENDPOINT_NOT_FOUND", "PATH_NOT_FOUND"})
_SHOWN = 200


async def call(user: User, method: str, path: str, json: Any = None, **options: Any) -> Any:
    """Ask a route under /api/v1; the `data` of its answer.

    Args:
        user: Who asks.
        method: An HTTP method in capitals.
        path: Below /api/v1.
        json: The request's body as a value.
        options: See `RequestOptions`; statuses in `expect` are answers as well, whose whole body is given.

    Raises:
        OperationError: No answer, or not an expected one; it has been counted.
    """
    name = operation(method, path)
    response: Response = await user.http.request(method, PREFIX + path, json=json, name=name, **options)
    expect = options.get("expect", ())
    check(response, name, expect)
    parsed = _parsed(response, name)
    return parsed if response.status in expect else parsed.get("data")


def operation(method: str, path: str) -> str:
    """The name of a request as an operation."""
    return f"{method} {route_of(path)}"


def check(response: Any, name: str, expect: Collection[int] = ()) -> None:
    """Nothing for an answer that the caller can go on with.

    Raises:
        NotOffered: The server has no such route.
        UnexpectedAnswer: It has, and refuses.
    """
    if response.status < 400 or response.status in expect:  # noqa: PLR2004 - RFC 9110, 15
        return
    text = f"{name}: {answer_of(response)}"
    error = UnexpectedAnswer(text, kind=f"status {response.status}") if is_offered(response) else NotOffered(text)
    error.counted = True
    raise error


def is_offered(response: Any) -> bool:
    """Whether an answer comes from a route: a 404 of one names what was not found, as in CONVERSATION_NOT_FOUND."""
    if response.status != _NOT_FOUND:
        return response.status not in _NO_ROUTE
    code = _code(response)
    return code.endswith(_NO_THING) and code not in _ROUTES


def answer_of(response: Any) -> str:
    """An answer in one line."""
    body = getattr(response, "text", "")
    return f"status {response.status} {' '.join(body.split())[:_SHOWN]}".rstrip()


def _code(response: Any) -> str:
    try:
        body = response.json()
    except (ValueError, AttributeError):
        return ""
    return str(body.get("code", "")) if isinstance(body, Mapping) else ""


def _parsed(response: Response, name: str) -> Mapping[str, Any]:
    try:
        parsed = response.json()
    except ValueError as error:
        raise ProtocolError(f"{name}: the answer is not JSON: {response.text[:_SHOWN]}") from error
    if not isinstance(parsed, dict):
        raise ProtocolError(f"{name}: the answer is no JSON object: {response.text[:_SHOWN]}")
    return parsed
