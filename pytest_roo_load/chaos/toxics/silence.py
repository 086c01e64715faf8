"""Bytes that do not arrive: they are held until the link is whole again, or lost with their connection."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_roo_load.chaos.stage import Stage

__all__ = ["Partition", "Timeout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """Nothing gets through; after `after_s` seconds, 0 for never, the connection is closed and it is lost."""

    after_s: float = 0.0

    async def pipe(self, stage: Stage) -> None:
        """Hold everything back until then."""
        await stage.wait_until(stage.now + self.after_s if self.after_s else math.inf)
        if not stage.interrupted:
            stage.ends.close()
            await stage.wait_until(math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """Nothing gets through in this direction; what was sent meanwhile arrives when the partition is over."""

    async def pipe(self, stage: Stage) -> None:
        """Leave everything where it is until the interruption."""
        await stage.wait_until(math.inf)
