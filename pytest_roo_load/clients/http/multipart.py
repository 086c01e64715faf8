"""Forms with files (multipart/form-data, RFC 7578), sent piece by piece."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from pytest_roo_load.clients.http.body import Body, StreamedBody, as_body
from pytest_roo_load.errors import UsageError

__all__ = ["File", "multipart"]

File = Body | tuple[str, Body] | tuple[str, Body, str]
_BOUNDARY = "roo-load-form-part-5b0c0f1d7e9a4c62"
_END = f"--{_BOUNDARY}--\r\n".encode()


def multipart(form: Mapping[str, str], files: Mapping[str, File]) -> tuple[StreamedBody, str]:
    """The body of a form with files, and its Content-Type.

    Args:
        form: Plain fields.
        files: Field → content, or (file name, content), or (file name, content, content type).

    Raises:
        UsageError: A content is no body, or a name has a line break.
    """
    parts = [(_head(name), as_body(value.encode())) for name, value in form.items()]
    for name, file in files.items():
        filename, content, kind = _described(name, file)
        parts.append((_head(name, filename, kind), as_body(content)))
    sizes = [len(body) if isinstance(body, bytes) else body.size_bytes for _, body in parts]
    known = [size for size in sizes if size is not None]
    framing = sum(len(head) + 2 for head, _ in parts) + len(_END)
    total = sum(known) + framing if len(known) == len(sizes) else None
    replayable = all(isinstance(body, bytes) or body.replayable for _, body in parts)
    return StreamedBody(_Parts(parts), total, replayable=replayable), f"multipart/form-data; boundary={_BOUNDARY}"


class _Parts:
    """The pieces of all parts, from the beginning each time."""

    def __init__(self, parts: list[tuple[bytes, bytes | StreamedBody]]) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for head, body in self._parts:
            yield head
            if isinstance(body, bytes):
                yield body
            else:
                async for piece in body:
                    yield piece
            yield b"\r\n"
        yield _END


def _described(name: str, file: File) -> tuple[str, Body, str]:
    if isinstance(file, tuple) and file and isinstance(file[0], str):
        filename, content, *rest = file
        kind = rest[0] if rest else None
    else:
        filename, content, kind = (file.name if isinstance(file, Path) else name), file, None
    guessed = kind or mimetypes.guess_type(filename)[0] or "application/octet-stream"
    return filename, content, str(guessed)


def _head(name: str, filename: str | None = None, kind: str | None = None) -> bytes:
    if any(mark in text for text in (name, filename or "", kind or "") for mark in "\r\n\0"):
        raise UsageError("not a name in a form", value=(name, filename, kind), allowed="one line each")
    disposition = f'form-data; name="{_escaped(name)}"'
    if filename is None:
        return f"--{_BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
    disposition += f'; filename="{_escaped(filename)}"'
    return f"--{_BOUNDARY}\r\nContent-Disposition: {disposition}\r\nContent-Type: {kind}\r\n\r\n".encode()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', "%22")
