"""What a search for a capacity leaves in a result file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_roo_load.core.capacity import Capacity

__all__ = ["SearchRecord", "search_dict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRecord:
    """One search for a capacity.

    Attributes:
        journeys: Name → weight.
        profile: The profile at the first rate, in words.
        objectives: What a rate had to meet, as it was written.
        tolerance: See `core.capacity.Bounds`.
        capacity: What was found.
        found_by: The test that searched; another one than that whose result this is when it was found before.
    """

    journeys: Mapping[str, float]
    profile: str
    objectives: Sequence[str]
    tolerance: float
    capacity: Capacity
    found_by: str


def search_dict(record: SearchRecord) -> dict[str, Any]:
    """The search as a JSON value."""
    return {
        "journeys": dict(record.journeys),
        "profile": record.profile,
        "objectives": list(record.objectives),
        "tolerance": record.tolerance,
        "found_by": record.found_by,
        "verdict": record.capacity.verdict.value,
        **record.capacity.to_dict(),
    }
