"""One generator in this very process: for debugging with breakpoints."""

from __future__ import annotations

import os
from time import perf_counter

from pytest_roo_load.core.timeline import Second
from pytest_roo_load.engine.fleet.strategy import Observer
from pytest_roo_load.engine.generator import Generator
from pytest_roo_load.engine.outcomes import pack_outcome, unpack_outcome
from pytest_roo_load.engine.shard import Outcome, Shard

__all__ = ["InlineFleet"]

_NAME = "inline"


class InlineFleet:
    """See `Fleet`. Journeys and values travel here too, so that a test behaves alike under every strategy."""

    names = (_NAME,)

    def __init__(self) -> None:
        self._generator: Generator | None = None

    def __repr__(self) -> str:
        return "<InlineFleet>"

    def __str__(self) -> str:
        return "inline"

    async def perform(self, shard: Shard, observer: Observer) -> list[Outcome]:
        """See `Fleet`."""

        def emit(second: Second) -> None:
            observer.second(_NAME, second)

        (own,) = shard.split(self.names)
        generator = self._generator = Generator(own, emit)
        start = perf_counter()
        observer.started(start, (os.getpid(),))
        outcome = await generator.run(start)
        await observer.ended(outcome.ended_s)
        return [unpack_outcome(pack_outcome(outcome))]

    def stop(self) -> None:
        """See `Fleet`."""
        if self._generator is not None:
            self._generator.stop()

    def steer(self, from_s: float, rate: float) -> None:
        """See `Fleet`."""
        if self._generator is not None:
            self._generator.steer(from_s, rate)
