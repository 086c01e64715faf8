"""What users of the swarm know of their messages."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_roo_load.core.sequence import SequenceCheck

__all__ = ["CONNECTED", "TALLIES", "Tally"]

TALLIES = "roo.swarm.tallies"
CONNECTED = "roo.swarm.connected"


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one user knows of its messages.

    Attributes:
        sent: Messages that were to reach a receiver: each counts once for each receiver.
        lost: Of these, how many did not come.
        duplicated: How many came again.
        reordered: How many came after a later one.
        foreign: Messages from the server that are none of ours.
        cut: Connections that were cut on purpose.
    """

    sent: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    foreign: int = 0
    cut: int = 0

    def settle(self, sent: int, seen: SequenceCheck) -> None:
        """A stream has ended: so many were sent on it, and this is what was seen."""
        self.sent += sent
        self.lost += max(0, sent - (seen.received - seen.duplicates))
        self.duplicated += seen.duplicates
        self.reordered += seen.reordered

    def add(self, other: Tally) -> None:
        """Add what another user knows."""
        for name in ("sent", "lost", "duplicated", "reordered", "foreign", "cut"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
