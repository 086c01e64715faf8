"""Operation names from paths: the route, never a raw id."""

from __future__ import annotations

import re

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
    """Remembers the names of the paths it has seen, up to a few thousand, since a path is asked for again and again."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}

    def __repr__(self) -> str:
        return f"<RouteNames of {len(self._names)} paths>"

    def name(self, method: str, path: str) -> str:
        """The name of a request: "GET /conversations/:id"."""
        try:
            return self._names[method, path]
        except KeyError:
            if len(self._names) >= _MOST:
                self._names.clear()
            return self._names.setdefault((method, path), f"{method} {route_of(path)}")
