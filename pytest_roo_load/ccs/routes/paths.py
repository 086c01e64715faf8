"""What request paths and query strings say."""

from __future__ import annotations

from aiohttp import web

from pytest_roo_load.ccs.validation import Form


def path_id(request: web.Request, name: str = "id") -> str:
    """Return the UUID in a path's ``{name}``; raises 400 when it is none."""
    form = Form(request.match_info)
    found = form.uuid(name)
    form.check()
    return found
