"""What a user does whose devices share files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from pytest_roo_load.clients.ccs import CCS, Session, Upload, needs
from pytest_roo_load.clients.counting import ON_PURPOSE
from pytest_roo_load.clients.observing import observe
from pytest_roo_load.core.ports import User
from pytest_roo_load.errors import OperationError
from pytest_roo_load.workloads.files.content import PIECE_BYTES, Content
from pytest_roo_load.workloads.files.transfer import Transfer, download, send

__all__ = ["TALLIES", "Part", "Tally", "share"]

TALLIES = "roo.files.tallies"
_EDITED = 3
_PAUSE_S, _PATIENCE_S = 0.05, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Travels to generators; see `settings.Choices`."""

    prefix: str
    size_bytes: int
    devices: int
    at_once: int
    cut: bool


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one user knows of its files.

    Attributes:
        uploads: Complete ones.
        downloads: Complete ones.
        again: Bytes of changed files that were sent: all of them, for the contract has no way to send less.
        ranges: Bytes that devices fetched of changed files, instead of the whole.
        wrong: What was found that must not be.
    """

    uploads: list[Transfer] = field(default_factory=list)
    downloads: list[Transfer] = field(default_factory=list)
    again: int = 0
    ranges: int = 0
    wrong: list[str] = field(default_factory=list)


@needs("files", "file sync")
async def share(part: Part, user: User) -> None:
    """Share files between one's devices, change them, and agree where two devices have changed one."""
    tally = Tally()
    try:
        account = CCS(user)
        sessions = [await account.login("desktop") for _ in range(part.devices)]
        async for number in user.iterations():
            await _File(part, user, sessions, tally).travel(f"{part.prefix}{user.id}-{number}.bin")
    finally:
        user.record(TALLIES, tally)


class _File:
    """One file on its way between the devices of a user."""

    def __init__(self, part: Part, user: User, sessions: Sequence[Session], tally: Tally) -> None:
        self._part = part
        self._user = user
        self._first, *self._others = sessions
        self._tally = tally

    async def travel(self, path: str) -> None:
        content = Content(f"{self._user.run}/{path}", self._part.size_bytes)
        cursors = [(await session.changes())["cursor"] for session in self._others]
        first = await self._upload(path, content)
        await self._agree(path, {"hash": first.sha256, "size": content.size_bytes})
        await asyncio.gather(*(self._hear(*one, path, first) for one in zip(self._others, cursors, strict=True)))
        await asyncio.gather(*(self._download(n, s, path, first) for n, s in enumerate(self._others)))
        await self._change(path, content, first)
        await self._first.call("DELETE", f"/files/{first.file_id}")

    async def _upload(self, path: str, content: Content) -> Upload:
        """Several chunks at a time; cut in the middle, and resumed with those that the server lacks."""
        async with observe(self._user, "upload", key=path) as seen:
            began = perf_counter()
            upload = await self._first.start_upload(path, content.generated, raw=True)
            chunks = list(range(upload.total))
            cut = self._part.cut and upload.total > 1
            if cut:
                await self._cut_off(upload, chunks[: upload.total // 2 + 1])
                chunks = await upload.missing()
            await send(upload, chunks, at_once=self._part.at_once)
            if upload.status != "completed":
                await upload.resume()
            seen.value = upload.sha256
        took_s = perf_counter() - began
        self._tally.uploads.append(
            Transfer(size_bytes=content.size_bytes, took_s=took_s, cuts=int(cut), sha256=upload.sha256)
        )
        return upload

    async def _cut_off(self, upload: Upload, chunks: Sequence[int]) -> None:
        """Send some, and close the connections under the last of them."""
        await send(upload, chunks[:-1], at_once=self._part.at_once)
        last = asyncio.ensure_future(upload.send(chunks[-1]))
        await asyncio.sleep(0)
        last.cancel(ON_PURPOSE)
        await asyncio.gather(last, return_exceptions=True)
        await self._user.http.close()

    async def _agree(self, path: str, version: Mapping[str, Any]) -> None:
        answer = await self._first.offer_version(path, version)
        if not answer.get("changed"):
            self._tally.wrong.append(f"{path}: a new version was not taken: {answer}")

    async def _hear(self, session: Session, cursor: int, path: str, upload: Upload) -> None:
        """Another device finds the change within half a minute."""
        until = perf_counter() + _PATIENCE_S
        while perf_counter() < until:
            found = await session.changes(cursor)
            for change in found["changes"]:
                if change["path"] == path and change["hash"] == upload.sha256:
                    return
            await asyncio.sleep(_PAUSE_S)
        self._tally.wrong.append(f"{path}: a device did not hear of the change within {_PATIENCE_S:g} s")

    async def _download(self, number: int, session: Session, path: str, upload: Upload) -> None:
        cut = self._part.cut and number == 0
        async with observe(self._user, "download", key=path) as seen:
            transfer = await download(session, upload.file_id, self._part.size_bytes, cut=cut)
            seen.result = transfer.sha256
        self._tally.downloads.append(transfer)

    async def _change(self, path: str, content: Content, before: Upload) -> None:
        """A few pieces change: the devices fetch these alone. Then two devices change the file at once."""
        pieces = sorted(self._user.random.sample(range(content.pieces), min(_EDITED, content.pieces)))
        edited = content.edited(pieces)
        after = await self._upload(path, edited)
        self._tally.again += edited.size_bytes
        await self._agree(path, {"hash": after.sha256, "size": edited.size_bytes, "base_hash": before.sha256})
        for piece in pieces:
            await self._fetch_piece(self._others[0], after, edited, piece)
        await self._conflict(path, after.sha256)
        await self._first.call("DELETE", f"/files/{after.file_id}")

    async def _fetch_piece(self, session: Session, upload: Upload, edited: Content, piece: int) -> None:
        start = piece * PIECE_BYTES
        stop = min(start + PIECE_BYTES, edited.size_bytes)
        got = await session.download(upload.file_id, range(start, stop))
        self._tally.ranges += len(got)
        if got != edited.read(start, PIECE_BYTES):
            self._tally.wrong.append(f"{upload.file_id}: piece {piece} of the changed file came back otherwise")

    async def _conflict(self, path: str, base: str) -> None:
        """Two devices change the same version: one is taken, the other is told of both, and settles it."""
        versions = [{"hash": f"{number:x}" * 64, "size": 1, "base_hash": base} for number in (10, 11)]
        pair = (self._first, self._others[0])
        answers = await asyncio.gather(*(s.offer_version(path, v) for s, v in zip(pair, versions, strict=True)))
        told = [answer.get("conflict") for answer in answers]
        if sum(one is not None for one in told) != 1:
            self._tally.wrong.append(f"{path}: two devices changed it at once and {told} were told of a conflict")
            return
        loser = 0 if told[0] is not None else 1
        try:
            mine = versions[loser] | {"base_hash": versions[1 - loser]["hash"], "resolution": "local_wins"}
            settled = await pair[loser].offer_version(path, mine)
        except OperationError as error:
            self._tally.wrong.append(f"{path}: the conflict could not be settled: {error}")
            return
        if settled.get("file", {}).get("hash") != versions[loser]["hash"]:
            self._tally.wrong.append(f"{path}: the conflict was settled with another version: {settled}")
