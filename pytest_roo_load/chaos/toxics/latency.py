"""Everything arrives later."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_roo_load.chaos.stage import Stage

__all__ = ["Latency"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Each chunk is delayed by `latency_s`, plus or minus up to `jitter_s`, evenly distributed. Order stays."""

    latency_s: float
    jitter_s: float = 0.0

    async def pipe(self, stage: Stage) -> None:
        """Wait for each chunk's own moment; those behind it may have to wait with it."""
        async for chunk in stage:
            delay_s = self.latency_s + stage.random.uniform(-self.jitter_s, self.jitter_s)
            await stage.wait_until(chunk.at + delay_s)
            await stage.send(chunk)
