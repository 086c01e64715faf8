"""What a test may choose of a load on Redis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from pytest_roo_load.workloads.choices import in_range, one_of
from pytest_roo_load.workloads.redis.keys import DISTRIBUTIONS

__all__ = ["Choices", "RedisOptions"]


class RedisOptions(TypedDict, total=False):
    """The arguments of `redis_stress.run` besides the workload; see `Choices` and `choices.Pace`."""

    clients: int
    duration: str | float
    warm_up: str | float
    rate: str | None
    count: int | None
    url: str | None
    keys: int
    distribution: str
    exponent: float
    value_size: int
    reads: float
    pipeline: int
    ttl_ms: int | None
    subscribers: int
    allow_eviction: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How Redis is used.

    Attributes:
        url: Which one; None for the one of `--roo-redis`, else the embedded one.
        keys: How many keys there are; all are written before the load.
        distribution: uniform, or zipf: few keys are asked for much more often than the rest.
        exponent: Of the Zipf distribution.
        value_size: Bytes of a value.
        reads: Share of GETs among the commands of `mixed` and `ttl`, 0 to 1.
        pipeline: Commands that are sent at once and answered together.
        ttl_ms: Milliseconds after which what is written expires; None for never. Workload `ttl`: 200 unless given.
        subscribers: Connections that receive what a client publishes.
        allow_eviction: Whether the load may need more memory than the server has left, so that it evicts.
    """

    url: str | None = None
    keys: int = 10_000
    distribution: str = "uniform"
    exponent: float = 0.99
    value_size: int = 64
    reads: float = 0.8
    pipeline: int = 1
    ttl_ms: int | None = None
    subscribers: int = 1
    allow_eviction: bool = False

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        one_of("distribution", self.distribution, DISTRIBUTIONS)
        in_range("keys", self.keys, 1, 10_000_000)
        in_range("exponent", self.exponent, 0.01, 10.0)
        in_range("value_size", self.value_size, 1, 512 * 2**20)
        in_range("reads", self.reads, 0.0, 1.0)
        in_range("pipeline", self.pipeline, 1, 10_000)
        in_range("subscribers", self.subscribers, 1, 1000)
        if self.ttl_ms is not None:
            in_range("ttl_ms", self.ttl_ms, 1, 10**10)

    @property
    def bytes_needed(self) -> int:
        """About how much memory the keys take; what a key costs besides its value was measured on Redis 6.2."""
        return self.keys * (self.value_size + 120)
