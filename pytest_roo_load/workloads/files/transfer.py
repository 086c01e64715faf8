"""Files on their way: chunks up, and a download that is hashed as it comes, with how long it stood still."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from pytest_roo_load.clients.ccs import Session, Upload

__all__ = ["Transfer", "download", "send"]

_IN_A_THREAD_BYTES = 256 * 1024


@dataclass(slots=True, kw_only=True)
class Transfer:
    """What one device knows of one transfer.

    Attributes:
        size_bytes: What has arrived.
        took_s: From the first request to the last byte.
        longest_stall_s: The longest time without a byte.
        cuts: How often it was cut and went on.
        sha256: Of what has arrived.
    """

    size_bytes: int = 0
    took_s: float = 0.0
    longest_stall_s: float = 0.0
    cuts: int = 0
    sha256: str = ""

    @property
    def rate(self) -> float:
        """Bytes per second."""
        return self.size_bytes / self.took_s if self.took_s else 0.0


async def send(upload: Upload, chunks: Sequence[int], *, at_once: int) -> None:
    """Send chunks of a file, so many at the same time."""
    waiting = list(reversed(chunks))

    async def go_on() -> None:
        while waiting:
            await upload.send(waiting.pop())

    await asyncio.gather(*(go_on() for _ in range(at_once)))


async def download(session: Session, file_id: str, size_bytes: int, *, cut: bool) -> Transfer:
    """Fetch a file in constant memory; where it is to be cut, it breaks off in the middle and goes on by a range.

    Hashing is done beside the event loop, so that a large file does not keep other users waiting.
    """
    transfer, digest = Transfer(), hashlib.sha256()
    began = perf_counter()
    stops = [size_bytes // 2, size_bytes] if cut else [size_bytes]
    for stop in stops:
        await _fetch(session, file_id, transfer, digest, stop)
    transfer.cuts = len(stops) - 1
    transfer.took_s = perf_counter() - began
    transfer.sha256 = digest.hexdigest()
    return transfer


async def _fetch(session: Session, file_id: str, transfer: Transfer, digest: hashlib._Hash, stop: int) -> None:
    """Go on where it stands, up to a byte."""
    waiting = bytearray()
    async with session.stream_download(file_id, transfer.size_bytes) as answer:
        last = perf_counter()
        async for piece in answer:
            now = perf_counter()
            transfer.longest_stall_s = max(transfer.longest_stall_s, now - last)
            wanted = piece[: stop - transfer.size_bytes]
            transfer.size_bytes += len(wanted)
            waiting += wanted
            if len(waiting) >= _IN_A_THREAD_BYTES:
                await asyncio.to_thread(digest.update, waiting)
                waiting = bytearray()
            if transfer.size_bytes >= stop:
                break
            last = perf_counter()
    digest.update(waiting)
