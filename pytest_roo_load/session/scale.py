"""The scale of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Scale"]

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Scale:
    """quick, standard or soak; called with a value for each, it gives the one for this scale."""

    name: str

    def __call__(self, *, quick: Value, standard: Value, soak: Value) -> Value:
        """The value for this scale."""
        return {"quick": quick, "standard": standard, "soak": soak}[self.name]
