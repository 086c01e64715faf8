"""Where an HTTP client's requests go, and what every one of them carries there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import NamedTuple

from pytest_roo_load.clients.http.names import RouteNames
from pytest_roo_load.clients.http.origin import Origin
from pytest_roo_load.clients.http.request import header_lines
from pytest_roo_load.clients.http.transport import Transport

__all__ = ["CREDENTIALS", "Place", "without"]

CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization", "host"})
_MOST_GETS = 64


class Dress(NamedTuple):
    """The headers that every request to an origin carries, ready to be sent; users that have the same share them.

    Attributes:
        gets: Name and head of plain GETs by path, of those that were made last.
    """

    headers: Mapping[str, str]
    names: frozenset[str]
    lines: str
    end: bytes
    gets: dict[str, tuple[str, bytes]]


@lru_cache(maxsize=256)
def _dress(headers: tuple[tuple[str, str], ...]) -> Dress:
    lines = header_lines(dict(headers))
    names = frozenset(name.lower() for name, _ in headers)
    return Dress(dict(headers), names, lines, f"{lines}\r\n".encode("latin-1"), {})


class Place:
    """An origin, the way to it, and what requests there are dressed in.

    Attributes:
        gets: See `Dress`.
    """

    __slots__ = ("dress", "gets", "origin", "transport")

    def __init__(self, origin: Origin, transport: Transport, headers: Mapping[str, str]) -> None:
        self.origin = origin
        self.transport = transport
        self.put_on(headers)

    def __repr__(self) -> str:
        return f"<Place {self.origin}, {self.transport!r}>"

    def put_on(self, headers: Mapping[str, str]) -> None:
        """Send these headers with every request from now on."""
        self.dress = _dress((("Host", self.origin.header), *headers.items()))
        self.gets = self.dress.gets

    def plan_get(self, path: str, names: RouteNames) -> tuple[str, bytes]:
        """Name and head of a plain GET, kept in `gets` for the next one of the path."""
        name, line = names["GET", path]
        if len(self.gets) >= _MOST_GETS:
            self.gets.clear()
        self.gets[path] = planned = name, line + self.dress.end
        return planned


def without(names: Collection[str], headers: Mapping[str, str]) -> dict[str, str]:
    """The headers whose names, in small letters, are not among these."""
    return {name: value for name, value in headers.items() if name.lower() not in names}
