"""A link of the user's own: what leads where."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pytest_roo_load.errors import UsageError

__all__ = ["OwnLink", "server_of"]

LOOPBACK = "127.0.0.1"
HIGHEST = 65_535
PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443, "postgresql": 5432, "redis": 6379}
ALLOWED = "HOST:PORT such as 127.0.0.1:8080, or a URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLink:
    """A port of this machine that leads to a server by way of the run's chaos proxy.

    Attributes:
        name: What faults call it.
        server: Where it leads, as it was given: "host:port" or a URL.
        port: Where it listens, on 127.0.0.1.
        datagrams: Whether it is for UDP.
    """

    name: str
    server: str = field(repr=False)
    port: int
    datagrams: bool = False

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as sockets want them."""
        return LOOPBACK, self.port

    @property
    def url(self) -> str:
        """The server's URL by way of the link, its password and path included; http:// where an address was given."""
        text = self.server if "://" in self.server else f"{'udp' if self.datagrams else 'http'}://{self.server}"
        where = urlsplit(text)
        login, at, _ = where.netloc.rpartition("@")
        return where._replace(netloc=f"{login}{at}{LOOPBACK}:{self.port}").geturl()


def server_of(text: object) -> tuple[str, int]:
    """Host and port of a server that was given as "host:port" or as a URL.

    Raises:
        UsageError: It is no address, or one of IPv6, which the proxy does not speak.
    """
    if not isinstance(text, str):
        raise UsageError("not an address", value=text, allowed=ALLOWED, place="argument server")
    try:
        where = urlsplit(text if "://" in text else f"//{text}")
        host, port = where.hostname, where.port if where.port is not None else PORTS.get(where.scheme)
    except ValueError:
        host, port = None, None
    if not host or not port or (where.path and not where.scheme):
        shown = text.rpartition("@")[2]  # what is before it may be a password
        raise UsageError("not an address", value=shown, allowed=ALLOWED, place="argument server")
    if ":" in host:
        raise UsageError("not an address of IPv4", value=host, allowed="IPv4, or a name", place="argument server")
    return host, port
