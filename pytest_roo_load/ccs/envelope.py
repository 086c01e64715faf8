"""The form of every answer: ``{"success": true, "data": ...}`` or ``{"success": false, "error", "code"}``.

Rows arrive from PostgreSQL as JSON text and are put into the envelope as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.validation import Page

_JSON = "application/json"
# aiohttp's own refusals, in our terms.
_HTTP_CODES = {
    400: "BAD_REQUEST",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "PAYLOAD_TOO_LARGE",
    417: "EXPECTATION_FAILED",
}


def dumps(value: Any) -> str:
    """Return compact JSON text; the value must have been checked to be finite and free of lone surrogates."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def success(status: int = 200, /, **rows: str) -> web.Response:
    """Answer with ``data`` made of members that are JSON text already, as in ``success(user=text)``."""
    members = ",".join(f'"{name}":{text}' for name, text in rows.items())
    return _json(f'{{"success":true,"data":{{{members}}}}}', status)


def success_page(page: Page, *, total: int, **rows: str) -> web.Response:
    """Answer with one page of rows and where it is in the whole of ``total`` rows."""
    more = "true" if page.offset + page.limit < total else "false"
    pagination = f'{{"total_count":{total},"has_more":{more},"limit":{page.limit},"offset":{page.offset}}}'
    return success(**rows, pagination=pagination)


def plain(body: Mapping[str, Any], status: int = 200) -> web.Response:
    """Answer with a JSON object that is not in the envelope (health only)."""
    return _json(dumps(body), status)


def failure(error: ApiError) -> web.Response:
    """Answer with an error."""
    body: dict[str, Any] = {"success": False, "error": error.message, "code": error.code}
    if error.details:
        body["details"] = [asdict(detail) for detail in error.details]
    members = "".join(f',"{name}":{text}' for name, text in error.members.items())
    response = _json(f"{dumps(body)[:-1]}{members}}}", error.status)
    response.headers.update(error.headers)
    return response


def from_http(error: web.HTTPException) -> ApiError:
    """Return one of aiohttp's own answers (no such route, wrong method, body too large) as ours."""
    allowed = {name: value for name, value in error.headers.items() if name in {"Allow", "Location"}}
    return ApiError(error.status, _HTTP_CODES.get(error.status, "HTTP_ERROR"), error.reason, headers=allowed)


def _json(text: str, status: int) -> web.Response:
    return web.Response(body=text.encode(), status=status, content_type=_JSON, charset="utf-8")
