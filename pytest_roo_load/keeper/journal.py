"""What a keeper does, one line before it does it: the next keeper can undo what a killed one has left."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_roo_load.keeper.identity import Identity

__all__ = ["Journal", "Remains", "remains"]


class Journal:
    """Appends to a journal file; every line is in the file when `write` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"<Journal {self.path}>"

    def write(self, action: str, **facts: str | float | list[str] | None) -> None:
        """Append one line. The facts must hold no secret: the journal is kept with the run's logs."""
        line = {"at": time.monotonic(), "wall": time.time(), "action": action, **facts}
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, json.dumps(line).encode() + b"\n")
        finally:
            os.close(descriptor)

    def copy_to(self, target: Path) -> None:
        """Append all of it to `target`."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as file:
            file.write(self.path.read_bytes())


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What may be left of the keeper that wrote a journal.

    Attributes:
        services: Whose folders it has made.
        processes: What it has started.
        strangers: What it has not started and may have stopped.
    """

    services: frozenset[str]
    processes: tuple[Identity, ...]
    strangers: tuple[Identity, ...]


def remains(path: Path) -> Remains:
    """Read a journal, which may be missing or end in the middle of a line."""
    services: set[str] = set()
    processes: list[Identity] = []
    strangers: list[Identity] = []
    for line in _lines(path):
        if line.get("action") == "start":
            services.add(str(line["service"]))
        elif line.get("action") == "started":
            processes.append(Identity(int(line["pid"]), int(line["started"])))
        elif line.get("action") == "stranger":
            strangers += map(Identity.parse, line["processes"])
    return Remains(services=frozenset(services), processes=tuple(processes), strangers=tuple(strangers))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
