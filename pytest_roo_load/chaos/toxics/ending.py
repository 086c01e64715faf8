"""Connections that end as they should not."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_roo_load.chaos.stage import Stage

__all__ = ["LimitData", "Reset", "SlowClose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """The connection is reset (TCP RST) after `after_s` seconds."""

    after_s: float = 0.0

    async def pipe(self, stage: Stage) -> None:
        """Hold back what comes meanwhile."""
        await stage.wait_until(stage.now + self.after_s)
        if not stage.interrupted:
            stage.ends.reset()
            await stage.wait_until(math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowClose:
    """The end of the stream arrives `delay_s` seconds late."""

    delay_s: float

    async def pipe(self, stage: Stage) -> None:
        """Delay the last chunk, which is the end."""
        async for chunk in stage:
            if chunk.is_end:
                await stage.wait_until(chunk.at + self.delay_s)
            await stage.send(chunk)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitData:
    """The connection is closed when `limit` bytes have passed in this direction, counted from the toxic on."""

    limit: int

    async def pipe(self, stage: Stage) -> None:
        """Let through what is left of the limit."""
        async for chunk in stage:
            left = self.limit - stage.state.get("passed", 0)
            part = chunk.data[: max(0, left)]
            stage.state["passed"] = stage.state.get("passed", 0) + len(part)
            if part or chunk.is_end:
                await stage.send(chunk.holding(part))
            if len(chunk.data) >= left:
                await stage.send(chunk.closing())
                return
