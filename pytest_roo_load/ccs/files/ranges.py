"""Which part of a file a request asks for (RFC 9110, 13 and 14). No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ONE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")


def not_modified(headers: Mapping[str, str], etag: str) -> bool:
    """Tell whether the client says, by ``If-None-Match``, that it has the file."""
    wanted = headers.get("If-None-Match")
    return wanted is not None and _names(wanted, etag)


def part_wanted(headers: Mapping[str, str], size_bytes: int, etag: str) -> range | None:
    """Return the bytes that ``Range`` asks for: an empty range when there are none such, None for the whole file.

    The whole is sent for what is not a single range of bytes, and when ``If-Range`` names another version.
    """
    found = _ONE.fullmatch(headers.get("Range", "").replace(" ", ""))
    if found is None or headers.get("If-Range", etag) != etag:
        return None
    first, last, final = found.groups()
    if final is not None:
        return range(max(0, size_bytes - int(final)), size_bytes)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size_bytes, int(last) + 1 if last else size_bytes))


def _names(header: str, etag: str) -> bool:
    return header.strip() == "*" or etag in {name.strip().removeprefix("W/") for name in header.split(",")}
