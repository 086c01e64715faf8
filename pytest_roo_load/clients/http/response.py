"""An HTTP answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["RawHeaders", "Response", "Timing", "joined"]

RawHeaders = list[tuple[bytes, bytes]]


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


class Response:
    """A complete answer: status, headers and body.

    Attributes:
        status: The status code.
        body: The body's bytes: as they came, or decoded when the client's setting `decompress` is on.
        raw_headers: (name, value) pairs in order, as they came.
        timing: Where the time went, when the client's setting `timing` is on.
    """

    __slots__ = ("body", "raw_headers", "status", "timing")

    def __init__(self, status: int, raw_headers: RawHeaders, body: bytes) -> None:
        self.status = status
        self.raw_headers = raw_headers
        self.body = body
        self.timing: Timing | None = None

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400  # noqa: PLR2004 - RFC 9110, 15: 4xx and 5xx are errors

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers by lower-case name; values of a repeated name are joined with ", " (RFC 9110, 5.3)."""
        return joined(self.raw_headers)

    @property
    def text(self) -> str:
        """The body as UTF-8 text; bytes that are none become U+FFFD."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as a JSON value.

        Raises:
            ValueError: The body is not JSON.
        """
        return json.loads(self.body)
