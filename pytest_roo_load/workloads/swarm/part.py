"""What a user of the swarm needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_roo_load.core.ports import User

__all__ = ["Part", "use_source"]

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


def use_source(part: Part, user: User) -> None:
    """Connect from another address of this machine when one has too few ports for all."""
    if part.local and part.connections > _PER_SOURCE:
        first = user.id * (part.devices if part.workload == "relay" else 1)
        user.websocket.source = f"127.0.0.{2 + first // _PER_SOURCE}"
