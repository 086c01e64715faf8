"""The run directory: everything a run leaves behind."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytest_roo_load.errors import UsageError

__all__ = ["RunDirectory", "write_json"]

_SLUG = re.compile(r"[^A-Za-z0-9]+")
_LONGEST_SLUG = 120


class RunDirectory:
    """`.roo/runs/<time>-<id>/`, made when something is written to it first.

    Args:
        path: The directory; several processes of the run may use it at once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"<RunDirectory {self.path.name}, {'there' if self.exists else 'not made yet'}>"

    @property
    def exists(self) -> bool:
        """Whether anything was written."""
        return self.path.exists()

    @property
    def logs(self) -> Path:
        """Where services and the keeper write their logs."""
        return self.path / "logs"

    @property
    def description(self) -> Path:
        """run.json."""
        return self.path / "run.json"

    def make(self) -> None:
        """Make the directory unless it is there, and keep version control out of it.

        Raises:
            UsageError: It cannot be made; nothing has been measured yet.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            ignore = self.path.parent.parent / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                "no run directory can be made",
                value=str(error),
                allowed="a folder that can be written",
                place=str(self.path),
                remedy="choose another with --roo-directory",
            ) from error

    def describe(self, facts: dict[str, Any], *, again: bool = False) -> bool:
        """Write run.json; unless `again`, only the first of several processes does. Whether it was written."""
        self.make()
        if not again and self.description.exists():
            return False
        write_json(self.description, facts)
        return True

    def described(self) -> dict[str, Any]:
        """What run.json says."""
        facts: dict[str, Any] = json.loads(self.description.read_text(encoding="utf-8"))
        return facts

    def attempt(self, test: str) -> tuple[str, int]:
        """A slug for a test's files and the number of this attempt at it, from 1."""
        slug = _SLUG.sub("-", test).strip("-")[-_LONGEST_SLUG:]
        number = 1
        while (self.path / "results" / f"{slug}-{number}.json").exists():
            number += 1
        return slug, number

    def live(self, slug: str, attempt: int, run: int) -> Path:
        """The file that gets a line per second of the n-th run of an attempt."""
        return self.path / "live" / f"{slug}-{attempt}-{run}.ndjson"

    def write_result(self, slug: str, attempt: int, result: dict[str, Any]) -> Path:
        """Write what a test measured."""
        self.make()
        path = self.path / "results" / f"{slug}-{attempt}.json"
        path.parent.mkdir(exist_ok=True)
        write_json(path, result)
        return path

    def results(self) -> list[dict[str, Any]]:
        """What all tests measured, in the order in which they stand in their files, numbers in names by value."""
        files = (self.path / "results").glob("*.json")
        return sorted((json.loads(path.read_text(encoding="utf-8")) for path in files), key=_position)


def _position(result: dict[str, Any]) -> tuple[Any, ...]:
    test = result["test"]
    parts = re.split(r"(\d+)", test["name"])
    return test["file"], test["line"], [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(value, indent=1), encoding="utf-8")
        draft.replace(path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
