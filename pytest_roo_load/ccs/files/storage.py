"""The folder that holds the bytes of files. All methods block: they are called in threads.

A file is ``<root>/<id>``. While it arrives there is ``<id>.marks`` beside it, one byte for each chunk, set once the
chunk is written whole. What is marked is never written again. Whoever reads or writes marks holds a lock on them, so
that several threads, and several instances that share the folder, can take chunks of one file at the same time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from threading import Lock
from typing import NoReturn

from pytest_roo_load.ccs.errors import ApiError, CcsError
from pytest_roo_load.ccs.files.layout import PRESENT, Layout

_MARK = bytes([PRESENT])
_FULL = frozenset({ENOSPC, EDQUOT, EFBIG})
_READ_BYTES = 1024 * 1024


class ChunkDiffersError(CcsError):
    """A chunk was sent again with other bytes."""


class ContentGoneError(CcsError):
    """The file's bytes have been removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a file has arrived: a byte of ``marks`` for each chunk; ``sha256`` of the whole, once that is there."""

    marks: bytes
    sha256: str | None


class Incoming:
    """A file that arrives. The hash follows the chunks that are there without a gap, so that the end comes quickly.

    Hashing needs no lock on the marks, for what is marked does not change: a chunk is hashed while the next is written.
    """

    def __init__(self, file_id: str, layout: Layout) -> None:
        self.id = file_id
        self.layout = layout
        self._digest = hashlib.sha256()
        self._hashed = 0
        self._hashing = Lock()

    def __repr__(self) -> str:
        return f"<Incoming {self.id}, {self._hashed} of {self.layout.total} chunks hashed>"

    def follow(self, data: int, marks: bytes, number: int = -1, pieces: Sequence[bytes] = ()) -> str | None:
        """Hash on as far as there is no gap: chunk ``number`` from ``pieces``, others from the file ``data``.

        Returns the hash in hexadecimal when all is there.
        """
        with self._hashing:
            while self._hashed < self.layout.total and marks[self._hashed] == PRESENT:
                start, length = self.layout.start(self._hashed), self.layout.length(self._hashed)
                for piece in pieces if self._hashed == number else _read(data, start, length):
                    self._digest.update(piece)
                self._hashed += 1
            return self._digest.hexdigest() if self._hashed == self.layout.total else None


class Storage:
    """Files below ``root``, by id."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def __repr__(self) -> str:
        return f"<Storage {self._root}>"

    def path(self, file_id: str) -> Path:
        """Return where a file's bytes are."""
        return self._root / file_id

    def create(self, file_id: str, layout: Layout) -> None:
        """Make room for a file that will arrive; raises 507 when there is none."""
        try:
            with self._marks(file_id).open("xb") as marks, self.path(file_id).open("xb") as data:
                data.truncate(layout.size_bytes)
                marks.truncate(layout.total)
        except OSError as error:
            self.remove(file_id)
            _refuse(error)

    def write(self, incoming: Incoming, number: int, pieces: Sequence[bytes]) -> Progress:
        """Store a chunk that came in ``pieces``; one that is there already must be the same. Only the last is hashed.

        Raises:
            ChunkDiffersError: it is not the same.
            ContentGoneError: the file was removed.
            ApiError: 507, the disk is full; the chunk can be sent again when there is room.
        """
        layout = incoming.layout
        with self._locked(incoming.id) as (data, marks):
            start = layout.start(number)
            if os.pread(marks, 1, number) == _MARK:
                _compare(data, start, pieces)
            else:
                _write(data, start, pieces)
                os.pwrite(marks, _MARK, number)
            there = os.pread(marks, layout.total, 0)
            complete = not layout.missing_any(there)
            return Progress(marks=there, sha256=incoming.follow(data, there, number, pieces) if complete else None)

    def look(self, incoming: Incoming, number: int = -1, pieces: Sequence[bytes] = ()) -> Progress:
        """Return how far a file has arrived, hashing what is there; ``pieces`` are chunk ``number``, to save reading.

        Raises:
            ContentGoneError: the file was removed.
        """
        with self._opened(incoming.id) as (data, marks):
            there = os.pread(marks, incoming.layout.total, 0)
            return Progress(marks=there, sha256=incoming.follow(data, there, number, pieces))

    def compare(self, file_id: str, start: int, pieces: Sequence[bytes]) -> None:
        """Check that a complete file has these bytes at ``start``; raises ChunkDiffersError or ContentGoneError."""
        try:
            with self.path(file_id).open("rb") as data:
                _compare(data.fileno(), start, pieces)
        except FileNotFoundError as error:
            raise ContentGoneError(f"the bytes of {file_id} are gone") from error

    def complete(self, file_id: str) -> None:
        """Forget how a file arrived. May be called again."""
        with suppress(FileNotFoundError):
            self._marks(file_id).unlink()

    def remove(self, file_id: str) -> None:
        """Delete a file's bytes. May be called again."""
        for path in (self.path(file_id), self._marks(file_id)):
            with suppress(FileNotFoundError):
                path.unlink()

    def _marks(self, file_id: str) -> Path:
        return self._root / f"{file_id}.marks"

    @contextmanager
    def _locked(self, file_id: str) -> Iterator[tuple[int, int]]:
        with self._opened(file_id) as (data, marks):
            fcntl.flock(marks, fcntl.LOCK_EX)
            yield data, marks

    @contextmanager
    def _opened(self, file_id: str) -> Iterator[tuple[int, int]]:
        """Open a file and its marks; errors of a full disk are translated."""
        try:
            with self.path(file_id).open("r+b", buffering=0) as data, self._marks(file_id).open("r+b", 0) as marks:
                yield data.fileno(), marks.fileno()
        except FileNotFoundError as error:
            raise ContentGoneError(f"the bytes of {file_id} are gone") from error
        except OSError as error:
            _refuse(error)


def _compare(data: int, start: int, pieces: Sequence[bytes]) -> None:
    wanted = b"".join(pieces)
    if wanted != b"".join(_read(data, start, len(wanted))):
        raise ChunkDiffersError(f"other bytes are at {start}")


def _write(data: int, start: int, pieces: Sequence[bytes]) -> None:
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            written = os.pwrite(data, rest, start)
            rest, start = rest[written:], start + written


def _read(data: int, start: int, length: int) -> Iterator[bytes]:
    while length and (piece := os.pread(data, min(length, _READ_BYTES), start)):
        yield piece
        start, length = start + len(piece), length - len(piece)


def _refuse(error: OSError) -> NoReturn:
    if error.errno in _FULL:
        raise ApiError(507, "INSUFFICIENT_STORAGE", "The disk is full; nothing that was stored is lost") from error
    raise error
