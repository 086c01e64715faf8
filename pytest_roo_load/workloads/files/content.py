"""Content of any size that is made when it is needed, and nowhere kept."""

from __future__ import annotations

import hashlib
import random

from pytest_roo_load.clients.ccs.files import Generated

__all__ = ["PIECE_BYTES", "Content"]

PIECE_BYTES = 2**20
_MARK_BYTES = 24


class Content:
    """Bytes that depend on a seed, and in some pieces on an edition; no two pieces are alike.

    A piece of 1 MiB is one block of random bytes that begins with the piece's own mark, so that making it costs
    a copy.

    Args:
        seed: Other seeds give other bytes.
        size_bytes: How many there are.
        changed: Piece → edition, for pieces that are not as they were first.
    """

    def __init__(self, seed: str, size_bytes: int, changed: dict[int, int] | None = None) -> None:
        self._seed = seed
        self._changed = changed or {}
        self._block = random.Random(seed).randbytes(PIECE_BYTES)
        self.size_bytes = size_bytes

    def __repr__(self) -> str:
        return f"<Content {self._seed!r}, {self.size_bytes} bytes, {len(self._changed)} pieces changed>"

    @property
    def pieces(self) -> int:
        """How many pieces there are."""
        return -(-self.size_bytes // PIECE_BYTES)

    @property
    def generated(self) -> Generated:
        """As the client takes it."""
        return Generated(self.size_bytes, self.read)

    def edited(self, pieces: list[int]) -> Content:
        """The same with other bytes in some pieces."""
        changed = self._changed | {piece: self._changed.get(piece, 0) + 1 for piece in pieces}
        return Content(self._seed, self.size_bytes, changed)

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on."""
        end = max(start, min(start + length, self.size_bytes))
        first, last = start // PIECE_BYTES, max(start, end - 1) // PIECE_BYTES
        if first == last:
            offset = start - first * PIECE_BYTES
            return self._piece(first)[offset : offset + end - start]
        joined = b"".join(self._piece(number) for number in range(first, last + 1))
        return joined[start - first * PIECE_BYTES :][: end - start]

    def sha256(self) -> str:
        """Of all of it."""
        digest = hashlib.sha256()
        for start in range(0, self.size_bytes, PIECE_BYTES):
            digest.update(self.read(start, PIECE_BYTES))
        return digest.hexdigest()

    def _piece(self, number: int) -> bytes:
        mark = f"{number}/{self._changed.get(number, 0)}/".encode().ljust(_MARK_BYTES, b".")
        return mark + self._block[_MARK_BYTES:]
