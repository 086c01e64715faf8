"""On which line of a TOML text something stands, which `tomllib` does not tell."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

__all__ = ["Path", "TomlLines"]

Path = tuple[str, ...]


class TomlLines:
    """Finds tables, keys and texts. A path is the names of the tables from the outermost in; () is the top."""

    def __init__(self, text: str) -> None:
        self._lines = list(_with_path(text))

    def __repr__(self) -> str:
        return f"<TomlLines of {len(self._lines)} lines>"

    def of_text(self, path: Path, key: str, text: object) -> int | None:
        """The line on which a key's list holds a text; that of the key when the text is spelt in another way."""
        spellings = (f'"{text}"', f"'{text}'", json.dumps(str(text), ensure_ascii=False))
        for number, inside, line in self._lines:
            if inside == path and any(spelling in line for spelling in spellings):
                return number
        return self.of_key(path, key)

    def of_key(self, path: Path, key: str) -> int | None:
        """The line that gives a table a key, or a table of that name; else that of the table; None when unknown."""
        whole = (*path, key)
        given = re.compile(rf"""\s*(["']?){re.escape(key)}\1\s*[=.]""")
        for number, inside, line in self._lines:
            if inside[: len(whole)] == whole or (inside == path and given.match(line)):
                return number
        return self.of_key(path[:-1], path[-1]) if path else None


def _with_path(text: str) -> Iterator[tuple[int, Path, str]]:
    """Number, path and content of each line that is no comment; a table's header is part of the table."""
    path: Path = ()
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("#"):
            continue
        if line.lstrip().startswith("["):
            path = _header(line.strip()) or path
        yield number, path, line


def _header(line: str) -> Path:
    try:
        table: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    path: Path = ()
    while table:
        name, inner = next(iter(table.items()))
        path, table = (*path, name), inner[0] if isinstance(inner, list) else inner
    return path
