"""The latest outcomes as a page: docs/benchmarks.md and its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.outcome import Outcome
from benchmarks.picture import bars
from benchmarks.results import load_all

__all__ = ["write_document"]

_DOCS = Path(__file__).parents[1] / "docs"
_HEAD = """# Benchmarks

<!-- Made by `python -m benchmarks`; do not edit. -->

`python -m benchmarks` measured what stands here, in a clone, on one machine. Times differ between machines by far more
than ratios do: compare ratios, and measure on your own machine what matters to you. What is loaded and what loads run
on a core each. Contenders take turns; figures are medians of the rounds, and a ratio is the median of the ratios inside
a round. A peer that is not installed has a dash. "Held" and "missed" are the project's own goals.
"""


def write_document() -> None:
    """Write the page anew, from what was kept."""
    parts = [_HEAD]
    for name, (facts, outcome) in load_all().items():
        if outcome.picture:
            (_DOCS / "images" / f"benchmark-{name}.svg").write_text(bars(outcome), encoding="utf-8")
        parts.append(_section(name, facts, outcome))
    (_DOCS / "benchmarks.md").write_text("\n".join(parts), encoding="utf-8")


def _section(name: str, facts: Mapping[str, str], outcome: Outcome) -> str:
    paragraphs = [f"## {outcome.title}", outcome.about.strip()]
    if outcome.picture:
        paragraphs.append(f"![{outcome.title}: {outcome.picture}](images/benchmark-{name}.svg)")
    paragraphs.append(outcome.table())
    if outcome.goals:
        paragraphs.append("\n".join(f"- {goal}" for goal in outcome.goals))
    measured = "; ".join(f"{fact} {text}" for fact, text in facts.items() if fact != "date")
    paragraphs.append(f"<sub>`python -m benchmarks {name}`, {facts['date']}; {measured}</sub>")
    return "\n\n".join(paragraphs) + "\n"
