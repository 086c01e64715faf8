"""The latest outcome of each benchmark, as JSON files that the document is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.outcome import Outcome
from benchmarks.suite import BENCHMARKS

__all__ = ["load_all", "save"]

_FOLDER = Path(__file__).parent / "latest"


def save(name: str, outcome: Outcome, facts: Mapping[str, str]) -> None:
    """Keep an outcome with the facts of the machine that it was measured on."""
    _FOLDER.mkdir(exist_ok=True)
    text = json.dumps({"facts": dict(facts), "outcome": outcome.to_dict()}, indent=1, ensure_ascii=False)
    (_FOLDER / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def load_all() -> dict[str, tuple[Mapping[str, str], Outcome]]:
    """Facts and outcome of every benchmark that was ever run, in the order of the suite."""
    paths = {name: _FOLDER / f"{name}.json" for name in BENCHMARKS}
    found = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}
    return {name: (data["facts"], Outcome.from_dict(data["outcome"])) for name, data in found.items()}
