"""What a test may choose of a load on a server of WebSockets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from pytest_roo_load.core.units import duration
from pytest_roo_load.errors import UsageError
from pytest_roo_load.workloads.choices import in_range

__all__ = ["Choices", "SwarmOptions"]


class SwarmOptions(TypedDict, total=False):
    """The arguments of `websocket_swarm.run` besides what is done; see `Choices`."""

    url: str | None
    connections: int
    duration: str | float
    connect_over: str | float
    interval: str | float
    size: int
    devices: int
    storm_every: str | float | None
    slow_readers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How the server is used.

    Attributes:
        url: Of the server, ws:// or http://; None for the system under test.
        connections: How many are open at once.
        duration: How long, when all are.
        connect_over: During how long they are opened, before that.
        interval: Pause of each user between its messages.
        size: Bytes of a message's text, 20 at least.
        devices: Workload `relay`: connections of each user; what one sends goes to all others.
        storm_every: Every so often all connections are cut and made anew at once; None for never.
        slow_readers: Workload `relay`: how many users have a device that reads nothing for 2 s, again and again.
    """

    url: str | None = None
    connections: int = 2500
    duration: str | float = "10 s"
    connect_over: str | float = "8 s"
    interval: str | float = "2 s"
    size: int = 64
    devices: int = 2
    storm_every: str | float | None = None
    slow_readers: int = 0

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        in_range("connections", self.connections, 1, 1_000_000)
        in_range("size", self.size, 20, 2**20)
        in_range("devices", self.devices, 2, 1000)
        in_range("slow_readers", self.slow_readers, 0, 1_000_000)
        in_range("interval", self.interval_s, 0.0, 3600.0)
        if self.storm_every_s is not None:
            in_range("storm_every", self.storm_every_s, 1.0, 3600.0)

    @property
    def interval_s(self) -> float:
        """The pause in seconds."""
        return duration(self.interval, name="interval")

    @property
    def storm_every_s(self) -> float | None:
        """Seconds between storms."""
        return None if self.storm_every is None else duration(self.storm_every, name="storm_every")

    def users(self, workload: str) -> int:
        """How many users have so many connections.

        Raises:
            UsageError: They cannot be shared out evenly.
        """
        if workload == "echo":
            return self.connections
        if self.connections % self.devices:
            allowed = f"a multiple of devices={self.devices}"
            raise UsageError("connections cannot be shared out", value=self.connections, allowed=allowed)
        return self.connections // self.devices
