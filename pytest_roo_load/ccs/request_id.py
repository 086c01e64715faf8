"""``X-Request-ID``: the client's name for its request, sent back with the answer."""

from __future__ import annotations

import re

from aiohttp import web

_FIT = re.compile(r"[\x21-\x7e]{1,128}")


def request_id(request: web.Request) -> str | None:
    """Return the client's name for its request, if it is fit to be sent back."""
    given = request.headers.get("X-Request-ID")
    return given if given is not None and _FIT.fullmatch(given) else None
