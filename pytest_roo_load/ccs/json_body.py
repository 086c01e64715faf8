"""Request bodies: JSON text from anyone, turned into values that everything behind can store and send.

Refused here, once for all routes: what is not JSON, numbers that are not finite, nesting beyond MAX_DEPTH, and the
characters NUL and lone surrogate, which PostgreSQL and UTF-8 do not have.
"""

from __future__ import annotations

import json
import math
from typing import Any

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import BadHttpMessage

from pytest_roo_load.ccs.errors import ApiError, Problem, invalid
from pytest_roo_load.ccs.validation import storable

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_DEPTH = 64
# What is left of a body that was not read to its end is not worth keeping the connection for.
CLOSE = {"Connection": "close"}


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in a request's body; an empty body is an empty object.

    Raises:
        ApiError: 400, 413 or 415.
    """
    value = await read_value(request)
    if not isinstance(value, dict):
        raise invalid(Problem(field="", message="The body must be a JSON object", code="INVALID_TYPE"))
    return value


async def read_value(request: web.Request) -> Any:
    """Return whatever JSON is in a request's body; raises as `read_object` does."""
    body = await _read(request)
    if not body:
        return {}
    if not _is_json(request):
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "The body must be application/json")
    return parse(body)


def parse(body: bytes) -> Any:
    """Return the value of JSON text.

    Raises:
        ApiError: 400 ``INVALID_JSON`` or ``VALIDATION_ERROR``.
    """
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "INVALID_JSON", "The body is not valid JSON") from error
    # A deep value needs that many brackets, an odd character needs an escape: most bodies have neither.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH or b"\\u" in body:
        _inspect(value)
    return value


async def _read(request: web.Request) -> bytes:
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise _too_large()
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise _too_large() from error
    except ConnectionError as error:
        # Nobody reads this answer, but it is counted as what it is.
        raise ApiError(499, "CLIENT_GONE", "The client closed the connection") from error
    except (ClientPayloadError, BadHttpMessage, web.RequestPayloadError, ValueError) as error:
        raise ApiError(400, "BAD_REQUEST", "The body cannot be read", headers=CLOSE) from error


def _too_large() -> ApiError:
    return ApiError(413, "PAYLOAD_TOO_LARGE", f"The body is larger than {MAX_BODY_BYTES} bytes", headers=CLOSE)


def _is_json(request: web.Request) -> bool:
    if "Content-Type" not in request.headers:
        return True
    kind = request.content_type
    return kind == "application/json" or kind.endswith("+json")


def _inspect(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH + 1:
            raise invalid(Problem(field="", message=f"Nested deeper than {MAX_DEPTH} levels", code="TOO_DEEP"))
        inner: list[Any] = []
        for item in level:
            if isinstance(item, str) and not storable(item):
                raise invalid(Problem(field="", message="Contains NUL or a lone surrogate", code="INVALID_CHARACTER"))
            if isinstance(item, dict):
                inner += item.keys()
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        level = inner


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("out of range")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)
