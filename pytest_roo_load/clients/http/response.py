"""An HTTP answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_roo_load.errors import UnexpectedAnswer

__all__ = ["Head", "RawHeaders", "Response", "Timing", "joined"]

_SHOWN = 200  # characters of a body

RawHeaders = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Where the time of one answer went, in seconds.

    Attributes:
        first_byte_s: From sending to the first byte of the answer.
        body_s: From there to its end.
        connect_s: For the connection, TLS not included; None when it was open already.
        tls_s: For the TLS handshake; None without one.
    """

    first_byte_s: float
    body_s: float
    connect_s: float | None = None
    tls_s: float | None = None


def joined(raw_headers: RawHeaders) -> dict[str, str]:
    """Headers by lower-case name; values of a repeated name are joined with ", " (RFC 9110, 5.3)."""
    result: dict[str, str] = {}
    for raw_name, raw_value in raw_headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        result[name] = f"{result[name]}, {value}" if name in result else value
    return result


class Head:
    """Status and headers of an answer. Answers that begin alike share one, so it never changes.

    Attributes:
        status: The status code.
        ok: Whether the status is below 400.
        raw_headers: (name, value) pairs in order, as they came.
        sets_cookies: Whether a Set-Cookie is among them.
        plain: Whether it is ok and sets no cookies: then it is an answer like most, and there is nothing to be done.
    """

    __slots__ = ("ok", "plain", "raw_headers", "sets_cookies", "status")

    def __init__(self, status: int, raw_headers: RawHeaders) -> None:
        self.status = status
        self.ok = status < 400  # noqa: PLR2004 - RFC 9110, 15: 4xx and 5xx are errors
        self.raw_headers = tuple(raw_headers)
        self.sets_cookies = any(name.lower() == b"set-cookie" for name, _ in raw_headers)
        self.plain = self.ok and not self.sets_cookies

    def __repr__(self) -> str:
        return f"<Head {self.status}, {len(self.raw_headers)} headers>"


class Response:
    """A complete answer: status, headers and body; `of` makes one.

    It has no `__init__`, because calling one takes longer than to set what it would set.

    Attributes:
        head: Status and headers.
        body: The body's bytes: as they came, or decoded when the client's setting `decompress` is on.
        timing: Where the time went, when the client's setting `timing` is on.
    """

    __slots__ = ("body", "head", "timing")

    head: Head
    body: bytes
    timing: Timing | None

    @classmethod
    def of(cls, head: Head, body: bytes, timing: Timing | None = None) -> Response:
        """An answer of this head and body."""
        response = cls()
        response.head, response.body, response.timing = head, body, timing
        return response

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"

    @property
    def status(self) -> int:
        """The status code."""
        return self.head.status

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.head.ok

    @property
    def raw_headers(self) -> RawHeaders:
        """(name, value) pairs in order, as they came."""
        return self.head.raw_headers

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers by lower-case name; values of a repeated name are joined with ", " (RFC 9110, 5.3)."""
        return joined(self.raw_headers)

    @property
    def text(self) -> str:
        """The body as UTF-8 text; bytes that are none become U+FFFD."""
        return self.body.decode("utf-8", "replace")

    def raise_for_status(self) -> Response:
        """This answer, when its status is below 400: for a journey that cannot go on with another one.

        Raises:
            UnexpectedAnswer: It is not; its kind is "status 503" or the like. The request has been counted.
        """
        if self.head.ok:
            return self
        shown = " ".join(self.text[:_SHOWN].split())
        error = UnexpectedAnswer(f"status {self.status} {shown}".rstrip(), kind=f"status {self.status}")
        error.counted = True
        raise error

    def json(self) -> Any:
        """The body as a JSON value.

        Raises:
            ValueError: The body is not JSON.
        """
        return json.loads(self.body)
