"""How a file is cut into chunks. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

CHUNK_BYTES = 1024 * 1024
PRESENT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Chunks 0 to ``total - 1`` of a file; all have ``chunk_bytes`` but the last, which has what is left."""

    size_bytes: int
    chunk_bytes: int = CHUNK_BYTES

    @property
    def total(self) -> int:
        """How many chunks there are; an empty file has none."""
        return -(-self.size_bytes // self.chunk_bytes)

    def start(self, number: int) -> int:
        """Return where a chunk begins in the file."""
        return number * self.chunk_bytes

    def length(self, number: int) -> int:
        """Return how many bytes a chunk has; 0 for one that the file does not have."""
        return max(0, min(self.chunk_bytes, self.size_bytes - self.start(number))) if number >= 0 else 0

    def missing(self, marks: bytes) -> list[int]:
        """Return the chunks without a mark; ``marks`` has a byte for each chunk."""
        return [number for number, mark in enumerate(marks) if mark != PRESENT]

    def missing_any(self, marks: bytes) -> bool:
        """Tell whether a chunk has no mark."""
        return marks.count(PRESENT) < self.total

    def received(self, marks: bytes) -> int:
        """Return how many bytes the marked chunks have together."""
        marked = marks.count(PRESENT)
        last = self.total - 1
        short = self.chunk_bytes - self.length(last) if marked and marks[last] == PRESENT else 0
        return marked * self.chunk_bytes - short
