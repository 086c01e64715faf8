"""A fact on a run besides its latencies and counts."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_roo_load.core.units import Dimension

__all__ = ["Fact"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that was measured or read once: "commits", "deadlocks", "plan time of SELECT".

    Attributes:
        name: What it is.
        value: In the base unit of its dimension, or text; None when it could not be known.
        dimension: None for text.
    """

    name: str
    value: float | str | None
    dimension: Dimension | None = Dimension.COUNT
