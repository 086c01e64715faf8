"""Files on their way to the server, in chunks."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pytest_roo_load.clients.ccs.commands import Call
from pytest_roo_load.errors import UnexpectedAnswer

__all__ = ["Content", "Generated", "Upload"]

_PIECE_BYTES = 2**20
_KIND = "application/octet-stream"


class Generated(NamedTuple):
    """Content that is made when it is needed: `read(start, length)` gives the same bytes each time."""

    size_bytes: int
    read: Callable[[int, int], bytes]


Content = bytes | Path | Generated


class Upload:
    """A file that was announced. Chunks may be sent in any order, again, and at the same time.

    Attributes:
        id: The upload's id.
        chunk_bytes: How long each chunk but the last is.
        total: How many chunks there are, from 0 on.
        status: As the server said last: uploading, completed or failed.
        file_id: The file's id once it is complete.
        sha256: Of the content.
    """

    def __init__(self, call: Call, content: Content, started: dict[str, Any], *, raw: bool) -> None:
        self._call = call
        self._content = content
        self._raw = raw
        self.id: str = started["session_id"]
        self.chunk_bytes: int = started["chunk_size"]
        self.total: int = started["total_chunks"]
        self.status: str = started.get("status", "uploading")
        self.file_id: str = started.get("file_id") or self.id
        self.sha256 = ""

    def __repr__(self) -> str:
        return f"<Upload {self.id} of {self.total} chunks, {self.status}>"

    @classmethod
    async def start(cls, call: Call, filename: str, content: Content, *, raw: bool) -> Upload:
        """Announce a file with its SHA-256, so that the server can check what arrives."""
        sha256 = await asyncio.to_thread(_sha256, content)  # a large file must not keep other users waiting
        body = {"filename": filename, "mime_type": _KIND, "size": _size(content), "sha256": sha256}
        upload = cls(call, content, await call("POST", "/files/upload/start", body), raw=raw)
        upload.sha256 = sha256
        return upload

    async def send(self, number: int) -> None:
        """Send one chunk; again is fine."""
        chunk = _read(self._content, number * self.chunk_bytes, self.chunk_bytes)
        if self._raw:
            path = f"/files/upload/{self.id}/chunks/{number}"
            answer = await self._call("PUT", path, body=chunk, headers={"Content-Type": _KIND})
        else:
            files = {"chunk": ("chunk", chunk, _KIND)}
            form = {"chunkNumber": str(number)}
            answer = await self._call("POST", f"/files/upload/{self.id}/chunk", form=form, files=files)
        self.status = answer["status"]
        self.file_id = answer.get("file_id") or self.file_id

    async def send_all(self) -> None:
        """Send every chunk in order.

        Raises:
            UnexpectedAnswer: The server does not have the whole file after the last one.
        """
        for number in range(self.total):
            await self.send(number)
        self._expect_completed()

    async def missing(self) -> list[int]:
        """The chunks that the server does not have."""
        answer = await self._call("GET", f"/files/upload/{self.id}")
        self.status = answer["status"]
        return list(answer["missing_chunks"])

    async def resume(self) -> None:
        """Send what the server does not have, as after a cut.

        Raises:
            UnexpectedAnswer: The server does not have the whole file after that.
        """
        for number in await self.missing():
            await self.send(number)
        self._expect_completed()

    def _expect_completed(self) -> None:
        if self.status != "completed":
            raise UnexpectedAnswer(f"{self.total} chunks were sent and the upload is {self.status}")


def _size(content: Content) -> int:
    if isinstance(content, bytes):
        return len(content)
    return content.stat().st_size if isinstance(content, Path) else content.size_bytes


def _read(content: Content, start: int, length: int) -> bytes:
    if isinstance(content, bytes):
        return content[start : start + length]
    if isinstance(content, Path):
        with content.open("rb") as file:
            return os.pread(file.fileno(), length, start)
    return content.read(start, min(length, content.size_bytes - start))


def _sha256(content: Content) -> str:
    digest = hashlib.sha256()
    for start in range(0, _size(content), _PIECE_BYTES):
        digest.update(_read(content, start, _PIECE_BYTES))
    return digest.hexdigest()
