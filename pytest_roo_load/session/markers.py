"""Which tests are our business; imported in every pytest run, so it imports next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

__all__ = ["MARKERS", "MEASURING", "concerns"]

MARKERS = (
    "sla(*objectives): what each run() of the test must meet, such as 'p95 < 3 s'",
    "scenario(name): the table of sla.toml whose objectives each run() of the test must meet",
    "concurrent_users: phase 3.3.2.1, concurrent users",
)
MEASURING = frozenset({"virtual_users"})
_ASKING = frozenset({"sla", "scenario"})


def concerns(item: pytest.Item) -> bool:
    """Whether a test is any of our business: it names a fixture that measures, or carries one of our markers."""
    names = getattr(item, "fixturenames", ())
    return not MEASURING.isdisjoint(names) or any(marker.name in _ASKING for marker in item.iter_markers())
