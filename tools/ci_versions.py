"""Prints the Python versions of the classifiers as JSON, for the matrix of CI: ["3.11", "3.12"]."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

__all__ = ["versions"]

_PREFIX = "Programming Language :: Python :: 3."


def versions() -> list[str]:
    """The versions that pyproject.toml claims to run on."""
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    classifiers: list[str] = tomllib.loads(text)["project"]["classifiers"]
    return [one.rpartition(" ")[2] for one in classifiers if one.startswith(_PREFIX)]


if __name__ == "__main__":
    print(json.dumps(versions()))
