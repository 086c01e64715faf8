"""Bodies of requests: bytes, or pieces that are sent as they come."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pytest_roo_load.errors import UsageError

if TYPE_CHECKING:
    from pytest_roo_load.clients.http.request import RequestOptions

__all__ = ["Body", "StreamedBody", "as_body", "body_of", "encode_body"]

_PIECE_BYTES = 64 * 2**10
_ALLOWED = "bytes, a pathlib.Path, or an iterable of bytes, also an asynchronous one"
Body = bytes | Path | Iterable[bytes] | AsyncIterable[bytes]


class StreamedBody:
    """A body that is sent piece by piece, so that memory does not grow with it.

    Attributes:
        size_bytes: Its length, announced with Content-Length; None sends it chunked.
        replayable: Whether it can be sent again.
    """

    __slots__ = ("_source", "replayable", "size_bytes")

    def __init__(
        self, source: Iterable[bytes] | AsyncIterable[bytes], size_bytes: int | None, *, replayable: bool = False
    ) -> None:
        self._source = source
        self.size_bytes = size_bytes
        self.replayable = replayable

    def __repr__(self) -> str:
        return f"<StreamedBody of {'unknown length' if self.size_bytes is None else f'{self.size_bytes} bytes'}>"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if isinstance(self._source, AsyncIterable):
            async for piece in self._source:
                yield piece
        else:
            for piece in self._source:
                yield piece


class _FilePieces:
    """The pieces of a file, from its beginning each time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece


def _file_body(path: Path) -> StreamedBody:
    """A file as a body.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        with path.open("rb"):
            size = path.stat().st_size
    except OSError as error:
        raise UsageError(
            f"a body's file cannot be read, {error}", value=str(path), allowed="a readable file"
        ) from error
    return StreamedBody(_FilePieces(path), size, replayable=True)


def body_of(options: RequestOptions) -> tuple[bytes | StreamedBody, str | None]:
    """The body that a request's options describe, and its Content-Type where they settle it.

    Raises:
        UsageError: They describe several, or something that is no body.
    """
    given = [name for name in ("json", "body", "form") if options.get(name) not in (None, b"")]
    if len(given) > 1 or ("files" in options and given not in ([], ["form"])):
        raise UsageError("several bodies", value=", ".join(given), allowed="one of json, body, or form with files")
    if "files" in options:
        from pytest_roo_load.clients.http.multipart import multipart  # noqa: PLC0415 - loaded when used

        return multipart(options.get("form", {}), options["files"])
    if options.get("json") is not None:
        return encode_body(options["json"]), "application/json"
    if "form" in options:
        return urlencode(options["form"]).encode(), "application/x-www-form-urlencoded"
    return as_body(options.get("body", b""), options.get("size_bytes")), None


def as_body(body: Any, size_bytes: int | None = None) -> bytes | StreamedBody:
    """What a user gave, as a body.

    Raises:
        UsageError: It is none.
    """
    if isinstance(body, bytes):
        return body
    if isinstance(body, bytearray | memoryview):
        return bytes(body)
    if isinstance(body, Path):
        return _file_body(body)
    if isinstance(body, str) or not isinstance(body, Iterable | AsyncIterable):
        raise UsageError("not a body", value=body, allowed=_ALLOWED)
    return StreamedBody(body, size_bytes, replayable=isinstance(body, list | tuple))


def encode_body(value: Any) -> bytes:
    """A JSON value as bytes, without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()
