"""The code blocks of the documentation, and the example folders that they make up.

A block that a reader saves as a file is preceded by `<!-- file: FOLDER/NAME -->`; files of one FOLDER are one example.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "ROOT", "Block", "blocks", "examples", "write_example"]

ROOT = Path(__file__).parents[2]
PAGES = tuple(sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]))
_BLOCK = re.compile(
    r"(?:^<!-- file: (?P<file>\S+) -->\n)?^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block: where it is, its language, its text, and the file it is to be saved as, if any."""

    place: str
    language: str
    text: str
    file: str | None


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            place=f"{page.name}:{text.count(chr(10), 0, match.start('language')) + 1}",
            language=match["language"],
            text=match["text"],
            file=match["file"],
        )
        for match in _BLOCK.finditer(text)
    ]


def examples() -> dict[str, dict[str, Block]]:
    """Folder → file name → block, over all pages."""
    result: dict[str, dict[str, Block]] = {}
    for page in PAGES:
        for block in blocks(page):
            if block.file is not None:
                folder, _, name = block.file.partition("/")
                assert name not in result.setdefault(folder, {}), f"{block.place}: {block.file} is there twice"
                result[folder][name] = block
    return result


def write_example(files: dict[str, Block], folder: Path) -> None:
    """Save an example as a reader would."""
    for name, block in files.items():
        (folder / name).write_text(block.text, encoding="utf-8")
