"""Requests as bytes, and the checks that keep a header from becoming two."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NoReturn, Protocol, TypedDict

from pytest_roo_load.clients.http.body import Body, StreamedBody
from pytest_roo_load.core.suggestion import did_you_mean
from pytest_roo_load.errors import UsageError

__all__ = [
    "Accepts",
    "RequestOptions",
    "check_options",
    "check_path",
    "framing_line",
    "header_lines",
    "refuse_option",
    "request_line",
]

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
        timeout_s: Seconds until the answer must be complete; default: the client's. Of a streamed answer: seconds
            without a byte.
        retries: How many times the request is sent again when no answer came, or one of status 429, 502, 503 or 504.
            Every attempt is an operation of its own, so a failed one is counted as failed.
        json: A value to send as JSON.
        body: Bytes to send, a file (`pathlib.Path`), or pieces from an iterable or an asynchronous one, which are
            sent as they come: chunked, unless `size_bytes` says how long they are together.
        size_bytes: The length of a body that comes in pieces.
        form: Fields to send as a form.
        files: Files to send with the form (multipart): field → content, (file name, content) or
            (file name, content, content type), where content is what `body` may be.
    """

    name: str
    headers: Mapping[str, str]
    expect: Accepts
    timeout_s: float
    retries: int
    json: Any
    body: Body
    size_bytes: int | None
    form: Mapping[str, str]
    files: Mapping[str, Any]


_REQUEST_OPTIONS = RequestOptions.__annotations__.keys()


def check_options(options: RequestOptions) -> None:
    """Nothing, or an error that names what a request may be given.

    Raises:
        UsageError: There is no such option, or `expect` holds no statuses.
    """
    if not options.keys() <= _REQUEST_OPTIONS:
        refuse_option("a request", options, _REQUEST_OPTIONS)
    if "expect" in options and isinstance(options["expect"], int | str | bytes):
        raise UsageError("not statuses", value=options["expect"], allowed="(404,) or range(200, 300)", place="expect=")


def refuse_option(what: str, given: Iterable[str], known: Collection[str]) -> NoReturn:
    """Say of one that is not known what there is.

    Raises:
        UsageError: Always.
    """
    unknown = next(name for name in given if name not in known)
    remedy = did_you_mean(unknown, known)
    raise UsageError(f"no such option of {what}", value=unknown, allowed=", ".join(known), remedy=remedy)


def request_line(method: str, path: str) -> bytes:
    """The first line of a request.

    Args:
        method: An HTTP method in capitals.
        path: The request target: begins with `/`, ASCII, already percent-encoded.

    Raises:
        UsageError: Method or path cannot be sent.
    """
    check_path(path)
    if method not in _METHODS and not _TOKEN.fullmatch(method):
        raise UsageError("not a method", value=method, allowed="GET, POST and so on")
    return f"{method} {path} HTTP/1.1\r\n".encode()


def framing_line(method: str, body: bytes | StreamedBody) -> str:
    """The header line that says where the body ends; nothing for a request without one."""
    if not body and method not in _BODY_METHODS:
        return ""
    size = len(body) if isinstance(body, bytes) else body.size_bytes
    return "Transfer-Encoding: chunked\r\n" if size is None else f"Content-Length: {size}\r\n"


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
