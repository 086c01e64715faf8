"""Seconds of a run go to disk as they end, and are read back from there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from pytest_roo_load.core.timeline import Second

__all__ = ["Spool", "Timeline"]


class Spool:
    """Appends one JSON line per second; each is on its way to the file when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __repr__(self) -> str:
        return f"<Spool {self._path.name} {'open' if self._file else 'closed'}>"

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("w", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def write(self, second: Second) -> None:
        """Append a second."""
        assert self._file is not None, "the spool is not open"
        self._file.write(json.dumps(second.to_dict(), separators=(",", ":")) + "\n")
        self._file.flush()


class Timeline:
    """The seconds of a spool's file, read anew each time it is iterated."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"<Timeline {self.path.name}>"

    def __iter__(self) -> Iterator[Second]:
        with self.path.open(encoding="utf-8") as lines:
            for line in lines:
                yield Second.from_dict(json.loads(line))
