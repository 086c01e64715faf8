"""What every fleet can do."""

from __future__ import annotations

from typing import Protocol

from pytest_roo_load.core.timeline import Second
from pytest_roo_load.engine.shard import Outcome, Shard

__all__ = ["Fleet", "Observer"]


class Observer(Protocol):
    """Who follows a run while it happens."""

    def started(self, start: float, pids: tuple[int, ...]) -> None:
        """The load begins at `start` (`time.perf_counter`), driven by these processes."""

    def second(self, generator: str, second: Second) -> None:
        """A generator's view of one second of the load; each generator's seconds come in order."""

    async def ended(self, ended_s: float) -> None:
        """The last generator ended at this second of the load; the generators' processes are still there."""


class Fleet(Protocol):
    """All generators of a run."""

    @property
    def names(self) -> tuple[str, ...]:
        """The generators' names."""

    async def perform(self, shard: Shard, observer: Observer) -> list[Outcome]:
        """Split a shard over the generators, start them together, and give the outcome of each.

        Cancelling ends all generators.

        Raises:
            GeneratorError: A generator died or could not begin.
            UsageError: A journey came to what can never work.
        """

    def stop(self) -> None:
        """End the load now, before its planned end; what is in flight has its graceful stop."""

    def steer(self, from_s: float, rate: float) -> None:
        """From a second of the load on, all generators together have so many arrivals a second."""
