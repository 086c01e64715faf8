"""How an HTTP client behaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_roo_load.clients.tls import TlsSettings
from pytest_roo_load.errors import UsageError

__all__ = ["HttpSettings"]

_LIBRARIES = ("own", "aiohttp")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings(TlsSettings):
    """What `user.http.configure(...)` may change; the settings of `TlsSettings` belong to them.

    Attributes:
        library: What speaks HTTP: "own", the fast client that this project is for, or "aiohttp".
        timeout_s: Seconds until an answer must be complete, unless a request has its own.
        cookies: Whether the user keeps cookies: one jar for each user.
        decompress: Whether answers are asked for compressed (`Accept-Encoding`) and decoded: gzip and deflate, br and
            zstd where the packages brotli and zstandard are installed.
        follow_redirects: Whether redirects are followed.
        max_redirects: How many in a row, at most.
        allow_origins: Origins besides the target's that a redirect may lead to, such as "https://login.example.test".
        retry_pause_s: Seconds before a request is sent again that was given `retries`; doubles each time.
        timing: Whether first byte and body are timed, as groups of their own and as `response.timing`.
        max_body_bytes: The longest body of an answer that is not streamed, also after decoding.
        max_headers: The most headers of an answer. A head may have 256 KiB.
    """

    library: Literal["own", "aiohttp"] = "own"
    timeout_s: float = 30.0
    cookies: bool = True
    decompress: bool = False
    follow_redirects: bool = False
    max_redirects: int = 10
    allow_origins: tuple[str, ...] = ()
    retry_pause_s: float = 0.1
    timing: bool = False
    max_body_bytes: int = 64 * 2**20
    max_headers: int = 1000

    def __post_init__(self) -> None:
        wrong = [
            f"{name}={value!r} (allowed: {allowed})"
            for name, value, right, allowed in (
                ("library", self.library, self.library in _LIBRARIES, " or ".join(_LIBRARIES)),
                ("timeout_s", self.timeout_s, self.timeout_s > 0, "more than 0"),
                ("max_redirects", self.max_redirects, self.max_redirects >= 0, "0 or more"),
                ("retry_pause_s", self.retry_pause_s, self.retry_pause_s >= 0, "0 or more"),
                ("max_body_bytes", self.max_body_bytes, self.max_body_bytes >= 0, "0 or more"),
                ("max_headers", self.max_headers, self.max_headers > 0, "1 or more"),
                (
                    "allow_origins", self.allow_origins, not isinstance(self.allow_origins, str),
                    "a tuple of origins",
                ),
            )
            if not right
        ]  # fmt: skip
        if wrong:
            raise UsageError("settings of the HTTP client", value="; ".join(wrong), allowed="as said with each")
