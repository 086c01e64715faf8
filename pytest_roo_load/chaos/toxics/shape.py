"""The same bytes in other pieces, and other bytes."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from pytest_roo_load.chaos.stage import Stage

__all__ = ["Corruption", "Slicer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slicer:
    """Bytes arrive in pieces of about `size` bytes, plus or minus up to `variation`, with `delay_s` between them."""

    size: int
    variation: int = 0
    delay_s: float = 0.0

    async def pipe(self, stage: Stage) -> None:
        """Cut each chunk; what is shorter than a piece goes as it is."""
        async for chunk in stage:
            rest = chunk.data
            while True:
                size = max(1, self.size + stage.random.randint(-self.variation, self.variation))
                await stage.send(chunk.holding(rest[:size]))
                rest = rest[size:]
                if not rest:
                    break
                await stage.wait_until(stage.now + self.delay_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """Each byte is changed with probability `rate`: one of its bits is flipped."""

    rate: float

    async def pipe(self, stage: Stage) -> None:
        """Jump from changed byte to changed byte: the gaps are geometrically distributed."""
        gap = _gap(stage, self.rate)
        async for chunk in stage:
            data = bytearray(chunk.data)
            while gap < len(data):
                data[gap] ^= 1 << stage.random.randrange(8)
                gap += 1 + _gap(stage, self.rate)
            gap -= len(data)
            await stage.send(chunk.holding(bytes(data)))


def _gap(stage: Stage, rate: float) -> int:
    """How many bytes stay as they are before the next one that does not."""
    if not 0 < rate < 1:
        return 0 if rate else sys.maxsize
    return int(math.log(1 - stage.random.random()) / math.log(1 - rate))
