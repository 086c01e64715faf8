"""What clients of Redis know of their commands."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["TALLIES", "Tally"]

TALLIES = "roo.redis.tallies"


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one client knows of its commands.

    Attributes:
        hits: GETs that found something.
        misses: GETs that did not.
        acknowledged: Key → how often a change of it was acknowledged, where the load counts that.
        unknown: The same of changes that were sent and not answered.
        sent: Messages that were published.
        lost: Of these, how many a subscriber did not get, summed over subscribers.
        duplicated: Messages that came twice.
        reordered: Messages that came after a later one.
    """

    hits: int = 0
    misses: int = 0
    acknowledged: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0

    def add(self, other: Tally) -> None:
        """Add what another client counted."""
        for name in ("hits", "misses", "sent", "lost", "duplicated", "reordered"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, theirs in ((self.acknowledged, other.acknowledged), (self.unknown, other.unknown)):
            for key, number in theirs.items():
                mine[key] = mine.get(key, 0) + number
