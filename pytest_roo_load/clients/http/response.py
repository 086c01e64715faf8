"""An HTTP answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["Response"]


class Response:
    """A complete answer: status, headers and body.

    Attributes:
        status: The status code.
        body: The body's bytes, as they came.
        raw_headers: (name, value) pairs in order, as they came.
    """

    __slots__ = ("body", "raw_headers", "status")

    def __init__(self, status: int, raw_headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status = status
        self.raw_headers = raw_headers
        self.body = body

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400  # noqa: PLR2004 - RFC 9110, 15: 4xx and 5xx are errors

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers by lower-case name; values of a repeated name are joined with ", " (RFC 9110, 5.3)."""
        result: dict[str, str] = {}
        for raw_name, raw_value in self.raw_headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            result[name] = f"{result[name]}, {value}" if name in result else value
        return result

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
