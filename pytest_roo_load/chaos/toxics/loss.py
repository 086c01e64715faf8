"""Lost packets, as TCP lets its users feel them: everything behind a lost packet waits until it was sent again."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from pytest_roo_load.chaos.stage import Stage

__all__ = ["Burst", "Loss"]

PACKET = 1460  # bytes; the usual segment of TCP over Ethernet
MOST = 6  # times that the same packet is lost; Linux gives up later, after some 15 minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Packets are lost with probability `rate`, in bursts of `burst` packets on average.

    A packet that is lost is sent again after `timeout_s` (Linux waits 200 ms or more), after twice that when it is lost
    again, and so on. Bursts are those of a Gilbert channel (E. N. Gilbert, BSTJ 39, 1960): a good state that loses
    nothing and a bad one that loses everything. A burst of 1 loses each packet independently of the others.
    """

    rate: float
    burst: float = 1.0
    timeout_s: float = 0.2

    async def pipe(self, stage: Stage) -> None:
        """Delay each chunk for its unluckiest packet."""
        channel = stage.state.setdefault("channel", Burst(self.rate, self.burst, stage.random))
        async for chunk in stage:
            packets = -(-len(chunk.data) // PACKET)
            lost = max((_times_lost(channel) for _ in range(packets)), default=0)
            if lost:
                await stage.wait_until(chunk.at + self.timeout_s * (2**lost - 1))
            await stage.send(chunk)


class Burst:
    """A channel of two states, asked packet by packet."""

    def __init__(self, rate: float, burst: float, random: Random) -> None:
        self._random = random
        self._rate = rate
        self._independent = burst <= 1
        self._to_good = 1 / burst
        self._to_bad = rate * self._to_good / (1 - rate) if rate < 1 else 1.0
        self._bad = random.random() < rate

    def __repr__(self) -> str:
        return f"<Burst {'bad' if self._bad else 'good'}>"

    def loses(self) -> bool:
        """Whether the next packet is lost."""
        if self._independent:
            return self._random.random() < self._rate
        change = self._to_good if self._bad else self._to_bad
        if self._random.random() < change:
            self._bad = not self._bad
        return self._bad


def _times_lost(channel: Burst) -> int:
    times = 0
    while times < MOST and channel.loses():
        times += 1
    return times
