"""What a test may choose of a load on a message queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from pytest_roo_load.core.units import Dimension, duration, parse_quantity
from pytest_roo_load.errors import UsageError
from pytest_roo_load.workloads.choices import in_range

__all__ = ["Choices", "QueueOptions"]


class QueueOptions(TypedDict, total=False):
    """The arguments of `message_queue.run`; see `Choices`."""

    url: str | None
    queue: str | None
    messages: int
    producers: int
    consumers: int
    rate: str | None
    size: int
    batch: int
    crashes: int
    poison: int
    takeover: str | float
    tries: int
    max_duration: str | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How the queue is used.

    Attributes:
        url: Of the broker: redis://, nats:// or amqp://; None for the Redis of `--roo-redis`, else the embedded one.
        queue: One that exists already; None makes one that is gone afterwards.
        messages: How many are sent, by all producers together.
        producers: How many send.
        consumers: How many take, as one group.
        rate: Messages per second of all producers together ("5000/s"); None for as fast as they can.
        size: Bytes of a message, 25 at least.
        batch: Messages that a producer sends at once, and the most that a consumer takes at once is ten times that.
        crashes: How many consumers die with messages that they have taken and not acknowledged, each when it has more
            than a third of its share; when fewer do, that is no data.
        poison: How many messages cannot be processed by anybody.
        takeover: How long a message may be with a consumer until another one gets it.
        tries: How often a message is handed out before it is buried as a dead letter.
        max_duration: The load ends then, though there may be messages left, which count as lost.
    """

    url: str | None = None
    queue: str | None = None
    messages: int = 50_000
    producers: int = 4
    consumers: int = 4
    rate: str | None = None
    size: int = 128
    batch: int = 10
    crashes: int = 0
    poison: int = 0
    takeover: str | float = "1 s"
    tries: int = 3
    max_duration: str | float = "2 min"

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for name, least, most in (
            ("messages", 1, 100_000_000),
            ("producers", 1, 10_000),
            ("consumers", 1, 10_000),
            ("size", 25, 2**20),
            ("batch", 1, 1000),
            ("crashes", 0, 10_000),
            ("poison", 0, 10_000),
            ("tries", 1, 100),
        ):
            in_range(name, getattr(self, name), least, most)
        if self.crashes >= self.consumers:
            allowed = f"fewer than the {self.consumers} consumers, so that one is left to take over"
            raise UsageError("crashes is out of range", value=self.crashes, allowed=allowed)
        if self.poison >= self.messages:
            raise UsageError("poison is out of range", value=self.poison, allowed="fewer than messages")
        in_range("takeover", self.takeover_s, 0.05, 3600.0)
        _ = self.rate_per_s

    @property
    def takeover_s(self) -> float:
        """The takeover time in seconds."""
        return duration(self.takeover, name="takeover")

    @property
    def rate_per_s(self) -> float | None:
        """Messages per second; None for as fast as possible."""
        return None if self.rate is None else parse_quantity(self.rate, Dimension.RATE)
