"""Shows how a load is getting on, while it runs.

Whoever measures notes in the run directory what it is doing; the process that owns the terminal follows. So it is the
same in one process and under xdist, where workers have no terminal.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

__all__ = ["Note", "Progress", "forget", "line_of", "noted"]

_POLL_S = 0.5
_PLAIN_EVERY_S = 10.0
_TAIL_BYTES = 262_144
_COLUMNS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is being measured.

    Attributes:
        test: The test's name.
        live: The file that gets a line per second.
        duration_s: Planned seconds of the load.
        worker: The worker that leads; empty without xdist.
    """

    test: str
    live: str
    duration_s: float
    worker: str = ""


@contextmanager
def noted(path: Path, note: Note) -> Iterator[None]:
    """Keep a note in a file while something is measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(asdict(note)), encoding="utf-8")
    draft.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def forget(path: Path, worker: str) -> None:
    """Take away the note of a worker that was killed, if the note in the file is its."""
    with suppress(FileNotFoundError):
        if json.loads(path.read_text(encoding="utf-8"))["worker"] == worker:
            path.unlink()


def line_of(note: Note, second: dict[str, Any]) -> str:
    """One second of a load as a line of text."""
    from pytest_roo_load.core.timeline import Second, total  # noqa: PLC0415 - loaded when a load runs
    from pytest_roo_load.core.units import Dimension, format_quantity  # noqa: PLC0415

    summed = total([Second.from_dict(second)])
    p95 = format_quantity(summed.ok.percentile(95), Dimension.TIME)
    dropped = f"{second['dropped']} dropped/s, " if second["dropped"] else ""
    left = max(0.0, note.duration_s - second["t"] - 1)
    return (
        f"{note.test}: {second['phase']}, {second['users']} users, {summed.ok.count}/s, p95 {p95}, "
        f"{summed.failed} errors/s, {dropped}{left:.0f} s left"
    )


class Progress:
    """Follows the note and writes a line: again and again in its place on a terminal, else a new one every 10 s.

    Args:
        note: The file that `noted` writes.
        descriptor: Where to write; a copy is kept, for pytest redirects its own while tests run.
    """

    def __init__(self, note: Path, descriptor: int) -> None:
        self._note = note
        self._output = os.dup(descriptor)
        self._terminal = os.isatty(descriptor)
        self._stop = threading.Event()
        self._last = monotonic()
        self._drawn = False
        self._thread = threading.Thread(target=self._follow, name="roo-load progress", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Progress {'stopped' if self._stop.is_set() else 'following'}>"

    def close(self) -> None:
        """Stop following; idempotent."""
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            os.close(self._output)

    def _follow(self) -> None:
        while not self._stop.wait(_POLL_S):
            line = self._line()
            if line is None:
                self._clear()
            elif self._terminal:
                self._write(f"\r\x1b[K{line[: _columns(self._output) - 1]}")
                self._drawn = True
            elif monotonic() - self._last >= _PLAIN_EVERY_S:
                self._write(f"\n{line}\n")
                self._last = monotonic()
        self._clear()

    def _line(self) -> str | None:
        """The line to show; None when nothing is measured, or its first second is not over."""
        try:
            note = Note(**json.loads(self._note.read_text(encoding="utf-8")))
            second = _last_second(Path(note.live))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return line_of(note, second) if second else None

    def _clear(self) -> None:
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the terminal is gone; there is nobody to show anything to
            os.write(self._output, text.encode())


def _last_second(live: Path) -> dict[str, Any] | None:
    """The last whole line of the file, read from its end."""
    with live.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        lines = file.read().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(b"\n")]
    return json.loads(whole[-1]) if whole else None


def _columns(descriptor: int) -> int:
    try:
        return os.get_terminal_size(descriptor).columns or _COLUMNS
    except OSError:
        return _COLUMNS
