"""Operation names from paths: the route, never a raw id."""

from __future__ import annotations

import re

from pytest_roo_load.clients.http.request import request_line

__all__ = ["RouteNames", "route_of"]

_ID = re.compile(
    r"""\d+                                                                   # a number
    | [0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}  # a UUID
    | (?=[0-9a-fA-F]*\d)[0-9a-fA-F]{16,}                                     # a long hexadecimal text, such as a hash
    """,
    re.VERBOSE,
)
_MOST = 4096


def route_of(path: str) -> str:
    """The path without its query, each segment that is a number, a UUID or a long hexadecimal text as `:id`."""
    bare = path.partition("?")[0]
    return "/".join(":id" if _ID.fullmatch(segment) else segment for segment in bare.split("/"))


class RouteNames:
    """Remembers the paths it has seen, up to a few thousand, since a path is asked for again and again."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str], tuple[str, bytes]] = {}

    def __repr__(self) -> str:
        return f"<RouteNames of {len(self._routes)} paths>"

    def route(self, method: str, path: str) -> tuple[str, bytes]:
        """The name of a request, "GET /conversations/:id", and its first line.

        Raises:
            UsageError: Method or path cannot be sent.
        """
        try:
            return self._routes[method, path]
        except KeyError:
            if len(self._routes) >= _MOST:
                self._routes.clear()
            line = request_line(method, path)
            return self._routes.setdefault((method, path), (f"{method} {route_of(path)}", line))
