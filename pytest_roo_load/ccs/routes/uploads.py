"""Files that arrive, in chunks of 1 MiB numbered from 0."""

from __future__ import annotations

import re

from aiohttp import BodyPartReader, ClientPayloadError, web
from aiohttp.http_exceptions import BadHttpMessage

from pytest_roo_load.ccs.data.files import FileForm
from pytest_roo_load.ccs.envelope import dumps, success
from pytest_roo_load.ccs.errors import ApiError, Problem, invalid
from pytest_roo_load.ccs.files.layout import CHUNK_BYTES
from pytest_roo_load.ccs.files.uploads import Upload, UploadState
from pytest_roo_load.ccs.identity import authenticate
from pytest_roo_load.ccs.json_body import CLOSE, read_object
from pytest_roo_load.ccs.protection.guard import UPLOAD, count
from pytest_roo_load.ccs.routes.paths import path_id
from pytest_roo_load.ccs.services import SERVICES
from pytest_roo_load.ccs.validation import Form

MAX_FILE_BYTES = 16 * 1024**3
_MAX_NAME = 255
_MIME = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(?: *;[\x20-\x7e]{0,100})?")
_MAX_NUMBER = 2**31 - 1
_MAX_DIGITS = 10
_PIECE_BYTES = 256 * 1024
_PARTS = 8


async def start(request: web.Request) -> web.Response:
    """Begin an upload: 201 with where to send the chunks, how large they are and how many."""
    services = request.app[SERVICES]
    identity = await authenticate(request)
    await count(request, services.rates, UPLOAD, identity.user_id)
    form = Form(await read_object(request))
    announced = FileForm(
        filename=_take_name(form),
        mime_type=form.matching("mime_type", _MIME, "a media type, as in text/plain"),
        size_bytes=form.integer("size", low=0, high=MAX_FILE_BYTES),
        sha256=form.sha256_or_none("sha256"),
    )
    form.check()
    state, until = await services.uploads.start(identity.user_id, announced)
    return success(
        201,
        session_id=dumps(state.id),
        upload_url=dumps(f"/api/v1/files/upload/{state.id}"),
        chunk_size=str(CHUNK_BYTES),
        total_chunks=str(state.layout.total),
        expires_at=dumps(until.isoformat()),
        **_members(state),
    )


async def put_chunk(request: web.Request) -> web.Response:
    """Take a chunk that is the body."""
    upload = await _find(request)
    number = _number(upload, request.match_info["number"], "number")
    return _answer(await request.app[SERVICES].uploads.put(upload, number, await _pieces(request, upload, number)))


async def post_chunk(request: web.Request) -> web.Response:
    """Take a chunk from a form with the fields ``chunkNumber`` and ``chunk``, in any order."""
    upload = await _find(request)
    if request.content_type != "multipart/form-data":
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "The body must be multipart/form-data", headers=CLOSE)
    fields = await _fields(request)
    missing = [Problem(field=name, message="is required", code="REQUIRED") for name in _FIELDS if name not in fields]
    if missing:
        raise invalid(*missing)
    text = b"".join(fields["chunkNumber"]).decode("ascii", "replace")
    number = _number(upload, text.strip(), "chunkNumber")
    return _answer(await request.app[SERVICES].uploads.put(upload, number, fields["chunk"]))


async def read(request: web.Request) -> web.Response:
    """Answer how far an upload is, and which chunks are missing."""
    state = await request.app[SERVICES].uploads.state(await _find(request))
    return success(
        session_id=dumps(state.id),
        chunk_size=str(CHUNK_BYTES),
        total_chunks=str(state.layout.total),
        missing_chunks=dumps(state.missing),
        **_members(state),
    )


ROUTES = (
    web.post("/files/upload/start", start),
    web.put("/files/upload/{id}/chunks/{number}", put_chunk),
    web.post("/files/upload/{id}/chunk", post_chunk),
    web.get("/files/upload/{id}", read),
)
_FIELDS = ("chunkNumber", "chunk")


def _take_name(form: Form) -> str:
    name = form.text("filename", longest=_MAX_NAME)
    if "/" in name or "\\" in name or name in {".", ".."} or not name.isprintable():
        form.problem("filename", "must be a name without a path or control characters", "INVALID_FORMAT")
    return name


async def _find(request: web.Request) -> Upload:
    identity = await authenticate(request)
    return await request.app[SERVICES].uploads.find(identity.user_id, path_id(request))


def _number(upload: Upload, text: str, field: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS else -1
    if not 0 <= number < upload.layout.total:
        raise invalid(
            Problem(field=field, message=f"must be a whole number below {upload.layout.total}", code="OUT_OF_RANGE")
        )
    return number


async def _pieces(request: web.Request, upload: Upload, number: int) -> list[bytes]:
    """Return the body as it came in, without joining it; raises 413 when it is longer than the chunk."""
    wanted = upload.layout.length(number)
    if (request.content_length or 0) > wanted:
        raise _too_long(wanted)
    pieces, length = [], 0
    gate = request.app[SERVICES].gate
    try:
        while piece := await request.content.readany():
            gate.refuse_without_room()
            pieces.append(piece)
            length += len(piece)
            if length > wanted:
                raise _too_long(wanted)
    except ConnectionError as error:
        raise ApiError(499, "CLIENT_GONE", "The client closed the connection") from error
    except (ClientPayloadError, BadHttpMessage, web.RequestPayloadError) as error:
        raise ApiError(400, "BAD_REQUEST", "The body cannot be read", headers=CLOSE) from error
    return pieces


async def _fields(request: web.Request) -> dict[str, list[bytes]]:
    """Return the parts of a multipart body by name; no more than a chunk is held."""
    fields: dict[str, list[bytes]] = {}
    room = CHUNK_BYTES + _PIECE_BYTES
    try:
        parts = await request.multipart()
        while isinstance(part := await parts.next(), BodyPartReader) and len(fields) < _PARTS:
            pieces = fields.setdefault(part.name or "", [])
            while piece := await part.read_chunk(_PIECE_BYTES):
                pieces.append(bytes(piece))
                room -= len(piece)
                if room < 0:
                    raise _too_long(CHUNK_BYTES)
    except ConnectionError as error:
        raise ApiError(499, "CLIENT_GONE", "The client closed the connection") from error
    except (ClientPayloadError, BadHttpMessage, web.RequestPayloadError, ValueError, AssertionError) as error:
        raise ApiError(400, "BAD_REQUEST", "The body cannot be read", headers=CLOSE) from error
    return fields


def _too_long(wanted: int) -> ApiError:
    return ApiError(413, "PAYLOAD_TOO_LARGE", f"The chunk has at most {wanted} bytes", headers=CLOSE)


def _answer(state: UploadState) -> web.Response:
    return success(session_id=dumps(state.id), **_members(state))


def _members(state: UploadState) -> dict[str, str]:
    members = {
        "uploaded_bytes": str(state.received_bytes),
        "total_bytes": str(state.layout.size_bytes),
        "status": dumps(state.status),
    }
    if state.sha256 is not None:
        members |= {"file_id": dumps(state.id), "sha256": dumps(state.sha256)}
    return members
