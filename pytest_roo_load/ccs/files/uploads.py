"""Files that arrive: from the announcement to the verified whole."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from pytest_roo_load.ccs.data import files
from pytest_roo_load.ccs.data.files import COMPLETED, EXPIRED, FAILED, UPLOADING, FileForm, UploadRow
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import ApiError, Problem, invalid, not_found
from pytest_roo_load.ccs.files.layout import Layout
from pytest_roo_load.ccs.files.storage import ChunkDiffersError, ContentGoneError, Incoming, Progress, Storage

LIFETIME_S = 30 * 60.0
SWEEP_S = 30.0
_SOME = 500
_THREADS = 4
# Hashes that are known so far; one that is forgotten is made again from the disk.
_REMEMBERED = 4096

# Makes known, to a user's devices, states of paths (JSON texts) that have changed.
Tell = Callable[[str, Sequence[str]], Awaitable[None]]
Outcome = TypeVar("Outcome")
log = logging.getLogger("ccs.files")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload session as this instance knows it."""

    user_id: str
    row: UploadRow
    incoming: Incoming

    @property
    def layout(self) -> Layout:
        """How the file is cut."""
        return self.incoming.layout


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadState:
    """How far an upload is: a byte of ``marks`` for each chunk (none when complete), ``sha256`` when complete."""

    id: str
    layout: Layout
    marks: bytes = b""
    sha256: str | None = None

    @property
    def status(self) -> str:
        """The word for it."""
        return UPLOADING if self.sha256 is None else COMPLETED

    @property
    def received_bytes(self) -> int:
        """How many bytes are there."""
        return self.layout.received(self.marks) if self.sha256 is None else self.layout.size_bytes

    @property
    def missing(self) -> list[int]:
        """The chunks that are not there."""
        return self.layout.missing(self.marks)


class Uploads:
    """Takes chunks in any order, at any instance that shares the folder, and verifies the whole."""

    def __init__(self, database: Database, storage: Storage, tell: Tell) -> None:
        self._database = database
        self._tell = tell
        self.storage = storage
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="files")
        self._known: dict[str, Upload] = {}
        self._hashing: set[Incoming] = set()

    def __repr__(self) -> str:
        return f"<Uploads {len(self._known)} under way>"

    async def start(self, user_id: str, form: FileForm) -> tuple[UploadState, datetime]:
        """Begin an upload; return it, and until when it may last. An empty file is complete at once."""
        file_id = str(uuid.uuid4())
        layout = Layout(size_bytes=form.size_bytes)
        await self._run(self.storage.create, file_id, layout)
        try:
            until = await files.announce_file(self._database, user_id, file_id, form, LIFETIME_S)
        except BaseException:
            await self._run(self.storage.remove, file_id)
            raise
        upload = await self._load(user_id, file_id)
        return await self._advance(upload, await self._run(self.storage.look, upload.incoming)), until

    async def find(self, user_id: str, file_id: str) -> Upload:
        """Return a user's upload session; raises 404 ``UPLOAD_NOT_FOUND`` or 410 ``UPLOAD_EXPIRED``."""
        upload = self._known.get(file_id)
        if upload is None:
            upload = await self._load(user_id, file_id)
        elif upload.user_id != user_id:
            raise not_found("upload")
        if upload.row.status == EXPIRED or (upload.row.status == UPLOADING and time.time() >= upload.row.expires_at):
            raise ApiError(410, "UPLOAD_EXPIRED", "The time for this upload is over, start it again")
        return upload

    async def put(self, upload: Upload, number: int, pieces: Sequence[bytes]) -> UploadState:
        """Store a chunk, and finish the file if it was the last one that was missing.

        Raises:
            ApiError: 400 for another length than the chunk has, 409 ``CHUNK_MISMATCH`` when other bytes are there
                already, 422 ``CHECKSUM_MISMATCH`` when the whole is not what was announced, 507 when the disk is full.
        """
        length, wanted = sum(map(len, pieces)), upload.layout.length(number)
        if length != wanted:
            text = f"chunk {number} has {wanted} bytes, not {length}"
            raise invalid(Problem(field="chunk", message=text, code="WRONG_SIZE"))
        try:
            if upload.row.status == UPLOADING:
                return await self._store(upload, number, pieces)
            start = upload.layout.start(number)
            if upload.row.status == COMPLETED:
                await self._run(self.storage.compare, upload.row.id, start, pieces)
        except ChunkDiffersError as error:
            raise ApiError(409, "CHUNK_MISMATCH", f"Chunk {number} is there already, with other bytes") from error
        return self._ended(upload)

    async def state(self, upload: Upload) -> UploadState:
        """Return how far an upload is."""
        if upload.row.status != UPLOADING:
            return self._ended(upload)
        try:
            return await self._advance(upload, await self._run(self.storage.look, upload.incoming))
        except ContentGoneError:
            return self._ended(await self._load(upload.user_id, upload.row.id))

    async def sweep(self) -> None:
        """Give up what is overdue, and delete the bytes of files that are gone, until cancelled."""
        while True:
            try:
                await self.sweep_once()
            except ApiError as error:
                log.warning("files not swept: %s", error)
            await asyncio.sleep(SWEEP_S)

    async def sweep_once(self) -> None:
        """Do what is due now."""
        await files.expire_uploads(self._database)
        while gone := await files.removals(self._database, _SOME):
            for file_id in gone:
                self._known.pop(file_id, None)
                await self._run(self.storage.remove, file_id)
            await files.removed(self._database, gone)

    def close(self) -> None:
        """Give up the threads. May be called again."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _load(self, user_id: str, file_id: str) -> Upload:
        row = await files.read_upload(self._database, user_id, file_id)
        incoming = Incoming(file_id, Layout(size_bytes=row.size_bytes))
        upload = Upload(user_id=user_id, row=row, incoming=incoming)
        if row.status == UPLOADING:
            while len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            return self._known.setdefault(file_id, upload)
        self._known.pop(file_id, None)
        return upload

    async def _store(self, upload: Upload, number: int, pieces: Sequence[bytes]) -> UploadState:
        try:
            progress = await self._run(self.storage.write, upload.incoming, number, pieces)
        except ContentGoneError:  # it has ended meanwhile, perhaps at another instance
            ended = await self._load(upload.user_id, upload.row.id)
            if ended.row.status == UPLOADING:
                raise
            return await self.put(ended, number, pieces)
        if progress.sha256 is None and upload.incoming not in self._hashing:
            self._hash_on(upload.incoming, number, pieces)
        return await self._advance(upload, progress)

    def _hash_on(self, incoming: Incoming, number: int, pieces: Sequence[bytes]) -> None:
        """Hash what is there while the client sends the next chunk."""
        self._hashing.add(incoming)
        hashing = asyncio.get_running_loop().run_in_executor(self._threads, self.storage.look, incoming, number, pieces)

        def done(hashed: asyncio.Future[Progress]) -> None:
            self._hashing.discard(incoming)
            # It is done again at the end; a file that has been removed has none.
            if not hashed.cancelled() and hashed.exception() is not None:
                log.info("not hashed yet: %s", hashed.exception())

        hashing.add_done_callback(done)

    async def _advance(self, upload: Upload, progress: Progress) -> UploadState:
        """Return the state after ``progress``, finishing the file when all is there."""
        if progress.sha256 is not None:
            return await self._finish(upload, progress.sha256)
        return UploadState(id=upload.row.id, layout=upload.layout, marks=progress.marks)

    async def _finish(self, upload: Upload, sha256: str) -> UploadState:
        row = upload.row
        if row.sha256 in {None, sha256}:
            settled = await files.complete_file(self._database, upload.user_id, row.id, sha256)
            await self._run(self.storage.complete, row.id)
        else:
            settled = await files.fail_file(self._database, upload.user_id, row.id)
        await self._tell(upload.user_id, settled)
        return self._ended(await self._load(upload.user_id, row.id))

    def _ended(self, upload: Upload) -> UploadState:
        row = upload.row
        if row.status == FAILED:
            raise ApiError(422, "CHECKSUM_MISMATCH", "The SHA-256 of what arrived is not the one announced")
        if row.status != COMPLETED:
            raise ApiError(410, "UPLOAD_EXPIRED", "The time for this upload is over, start it again")
        return UploadState(id=row.id, layout=upload.layout, sha256=row.sha256)

    async def _run(self, work: Callable[..., Outcome], *values: object) -> Outcome:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *values))
