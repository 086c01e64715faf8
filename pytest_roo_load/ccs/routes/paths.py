"""What request paths and query strings say."""

from __future__ import annotations

from aiohttp import web

from pytest_roo_load.ccs.validation import Form


def path_id(request: web.Request) -> str:
    """Return the UUID in a path's ``{id}``; raises 400 when it is none."""
    form = Form(request.match_info)
    found = form.uuid("id")
    form.check()
    return found
