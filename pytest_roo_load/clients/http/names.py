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


class RouteNames(dict[tuple[str, str], tuple[str, bytes]]):
    """By method and path: the name of a request, "GET /conversations/:id", and its first line.

    It remembers the paths that it was asked for, up to a few thousand, since a path is asked for again and again.
    A method or path that cannot be sent is a `UsageError`.
    """

    def __repr__(self) -> str:
        return f"<RouteNames of {len(self)} paths>"

    def __missing__(self, request: tuple[str, str]) -> tuple[str, bytes]:
        method, path = request
        if len(self) >= _MOST:
            self.clear()
        line = request_line(method, path)
        self[request] = found = f"{method} {route_of(path)}", line
        return found
