"""Where requests go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from pytest_roo_load.errors import UsageError

__all__ = ["Origin"]

_PORTS = {"http": 80, "https": 443}
_ALLOWED = "http://HOST:PORT or https://HOST:PORT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Scheme, host and port (RFC 6454)."""

    host: str
    port: int
    tls: bool = False

    @classmethod
    @lru_cache(maxsize=256)
    def of(cls, url: str) -> Origin:
        """The origin of a URL such as http://127.0.0.1:8080.

        Raises:
            UsageError: The scheme is neither http nor https, there is no host, or there is a path, a query or a login,
                which would get lost.
        """
        try:
            parts = urlsplit(url)
            port = _PORTS.get(parts.scheme) if parts.port is None else parts.port
        except ValueError as error:
            raise UsageError(f"not a target, {error}", value=url, allowed=_ALLOWED) from error
        surplus = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
        if parts.scheme not in _PORTS or not parts.hostname or port is None or surplus:
            shown = f"{parts.scheme}://***@{url.rpartition('@')[2]}" if "@" in url else url
            raise UsageError("not a target", value=shown, allowed=_ALLOWED)
        return cls(host=parts.hostname, port=port, tls=parts.scheme == "https")

    def __str__(self) -> str:
        return f"{self.bracketed}:{self.port}"

    @property
    def bracketed(self) -> str:
        """The host as a URL has it: an IPv6 address in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def url(self) -> str:
        """The origin as a URL."""
        return f"{'https' if self.tls else 'http'}://{self}"

    @property
    def header(self) -> str:
        """The value of Host: without the port when it is the scheme's own (RFC 9110, 4.2.3)."""
        return self.bracketed if self.port == _PORTS["https" if self.tls else "http"] else str(self)
