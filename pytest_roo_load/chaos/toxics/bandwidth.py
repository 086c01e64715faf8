"""No more than so many bytes a second."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_roo_load.chaos.stage import Stage

__all__ = ["Bandwidth"]

SLICE_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth:
    """A line of `rate` bytes per second: what is sent occupies it for its length."""

    rate: float

    async def pipe(self, stage: Stage) -> None:
        """Send slices, each when the line would have carried all of it."""
        size = max(1, round(self.rate * SLICE_S))
        free = 0.0
        async for chunk in stage:
            for begin in range(0, max(1, len(chunk.data)), size):
                part = chunk.data[begin : begin + size]
                free = max(free, chunk.at) + len(part) / self.rate
                await stage.wait_until(free)
                await stage.send(chunk.holding(part))
