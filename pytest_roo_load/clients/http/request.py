"""Requests as bytes, and the checks that keep a header from becoming two."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol, TypedDict

from pytest_roo_load.errors import UsageError

__all__ = ["Accepts", "RequestOptions", "check_path", "encode_body", "encode_request", "header_lines"]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


class Accepts(Protocol):
    """Whatever can say whether a status is in it: a tuple, a set, a range."""

    def __contains__(self, status: object, /) -> bool:
        """Whether the status is an expected one."""


class RequestOptions(TypedDict, total=False):
    """What every request may be given.

    Attributes:
        name: The operation's name; default: method and route, raw ids as `:id`.
        headers: Headers of this request alone.
        expect: Statuses that are a success; default: all below 400.
        timeout_s: Seconds until the answer must be complete; default: the client's.
    """

    name: str
    headers: Mapping[str, str]
    expect: Accepts
    timeout_s: float


def encode_request(method: str, path: str, headers: str, body: bytes) -> bytes:
    """The request as it goes over the wire.

    Args:
        method: An HTTP method in capitals.
        path: The request target: begins with `/`, ASCII, already percent-encoded.
        headers: Lines from `header_lines`.
        body: Its content; its length is announced where the method has a body.
    """
    check_path(path)
    if method not in _METHODS and not _TOKEN.fullmatch(method):
        raise UsageError("not a method", value=method, allowed="GET, POST and so on")
    if body or method in _BODY_METHODS:
        return f"{method} {path} HTTP/1.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body
    return f"{method} {path} HTTP/1.1\r\n{headers}\r\n".encode("latin-1")


def check_path(path: str) -> None:
    """Nothing, or an error that says what a request target looks like.

    Raises:
        UsageError: It does not begin with `/`, or a character of it cannot be sent as it is.
    """
    if not (path.startswith("/") and path.isascii() and path.isprintable()) or " " in path:
        raise UsageError(
            "not a request path",
            value=path,
            allowed="a percent-encoded path that begins with /, such as /users?q=a%20b",
        )


def header_lines(headers: Mapping[str, str]) -> str:
    """Header lines, each ended.

    Raises:
        UsageError: A name is no token (RFC 9110, 5.6.2) or a value would end its line.
    """
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise UsageError("not a header name", value=name, allowed="letters, digits and !#$%&'*+-.^_`|~")
        if any(mark in value for mark in "\r\n\0") or not _is_latin(value):
            raise UsageError(
                f"value of header {name} has a line break or is not Latin-1", value=value, allowed="one line"
            )
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def _is_latin(value: str) -> bool:
    return value.isascii() or all(ord(character) < 256 for character in value)  # noqa: PLR2004 - Latin-1


def encode_body(value: Any) -> bytes:
    """A JSON value as bytes, without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()
