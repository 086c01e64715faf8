"""What a user of the swarm needs to know, and what it has to tell."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from pytest_roo_load.core.ports import User
from pytest_roo_load.core.sequence import SequenceCheck

__all__ = ["CONNECTED", "TALLIES", "Part", "Storms", "Tally", "use_source"]

TALLIES = "roo.swarm.tallies"
CONNECTED = "roo.swarm.connected"
_PER_SOURCE = 25_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Travels to generators; see `settings.Choices`.

    Attributes:
        path: Path and query of the server's WebSockets; empty for the one of the system under test.
        local: Whether the server is on this machine, so that there may be several source addresses.
    """

    workload: str
    path: str
    local: bool
    connections: int
    interval_s: float
    size: int
    devices: int
    storm_every_s: float | None
    slow_readers: int


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one user knows of its messages.

    Attributes:
        sent: Messages that were to reach a receiver: each counts once for each receiver.
        lost: Of these, how many did not come.
        duplicated: How many came again.
        reordered: How many came after a later one.
        cut: Connections that were cut on purpose.
    """

    sent: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    cut: int = 0

    def settle(self, sent: int, seen: SequenceCheck) -> None:
        """A stream has ended: so many were sent on it, and this is what was seen."""
        self.sent += sent
        self.lost += max(0, sent - (seen.received - seen.duplicates))
        self.duplicated += seen.duplicates
        self.reordered += seen.reordered

    def add(self, other: Tally) -> None:
        """Add what another user knows."""
        for name in ("sent", "lost", "duplicated", "reordered", "cut"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Storms:
    """When all connections are cut: at whole multiples of a time on the machine's monotonic clock.

    So users of several generators agree on the moment without a word.
    """

    def __init__(self, every_s: float | None) -> None:
        self._every_s = every_s
        self._number = self._now()

    def __repr__(self) -> str:
        return f"<Storms every {self._every_s} s>"

    def _now(self) -> int:
        return 0 if self._every_s is None else int(perf_counter() / self._every_s)

    def due(self) -> bool:
        """Whether there was a storm since the last question."""
        before, self._number = self._number, self._now()
        return self._number != before

    def pause(self, wanted_s: float) -> float:
        """A pause that does not reach beyond the next storm."""
        if self._every_s is None:
            return wanted_s
        left_s = (self._number + 1) * self._every_s - perf_counter()
        return max(0.0, min(wanted_s, left_s))


def use_source(part: Part, user: User) -> None:
    """Connect from another address of this machine when one has too few ports for all."""
    if part.local and part.connections > _PER_SOURCE:
        first = user.id * (part.devices if part.workload == "relay" else 1)
        user.websocket.source = f"127.0.0.{2 + first // _PER_SOURCE}"
