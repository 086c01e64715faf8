"""What can happen to datagrams, each kind by itself; together they make the weather of a link."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from pytest_roo_load.chaos.toxics import make
from pytest_roo_load.chaos.toxics.loss import Burst
from pytest_roo_load.errors import UsageError

__all__ = ["DATAGRAM_TOXICS", "DatagramToxic", "Draw", "Placed", "placed_of"]

Draw = Callable[[], Sequence[float]]  # after how many seconds a datagram arrives: once, several times, or not at all
UNTOUCHED = [0.0]
DIRECTIONS = ("upstream", "downstream")


class DatagramToxic(Protocol):
    """Settings, and what they make of datagrams."""

    def draw(self, random: Random) -> Draw:
        """The fates of datagrams of one direction, one after another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A share `rate` never arrives, `burst` in a row on average; see `toxics.loss.Burst`."""

    rate: float
    burst: float = 1.0

    def draw(self, random: Random) -> Draw:
        """Ask a channel of the direction's own."""
        channel = Burst(self.rate, self.burst, random)
        return lambda: [] if channel.loses() else UNTOUCHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Each is delayed by `latency_s`, plus or minus up to `jitter_s`, by itself: so they may overtake each other."""

    latency_s: float
    jitter_s: float = 0.0

    def draw(self, random: Random) -> Draw:
        """Draw each delay evenly."""
        return lambda: [max(0.0, self.latency_s + random.uniform(-self.jitter_s, self.jitter_s))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """A share `rate` arrives twice."""

    rate: float

    def draw(self, random: Random) -> Draw:
        """Throw the dice for each."""
        return lambda: [0.0, 0.0] if random.random() < self.rate else UNTOUCHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Reorder:
    """A share `rate` is held for `delay_s`, so that others overtake it."""

    rate: float
    delay_s: float = 0.05

    def draw(self, random: Random) -> Draw:
        """Throw the dice for each."""
        return lambda: [self.delay_s] if random.random() < self.rate else UNTOUCHED


DATAGRAM_TOXICS: Mapping[str, type[Any]] = {
    "loss": Loss,
    "latency": Latency,
    "duplicate": Duplicate,
    "reorder": Reorder,
}


class Placed:
    """A toxic on a link of datagrams, and how many have met it.

    Attributes:
        met: Datagrams that came to it.
        had: Those that it lost, delayed or doubled.
    """

    def __init__(self, facts: Mapping[str, Any], toxic: DatagramToxic, seed: str) -> None:
        self.met = self.had = 0
        self._facts = facts
        self._draws = {
            one: toxic.draw(Random(f"{seed} {facts['id']} {one}"))
            for one in DIRECTIONS
            if facts["direction"] in (one, "both")
        }

    def __repr__(self) -> str:
        return f"<Placed {self._facts['id']} {self._facts['direction']}: {self.had} of {self.met}>"

    def after(self, delays_s: Iterable[float], direction: str) -> list[float]:
        """What it makes of the copies of a datagram that arrive after so many seconds each."""
        draw = self._draws.get(direction)
        return list(delays_s) if draw is None else [one + more for one in delays_s for more in self._fate(draw)]

    def _fate(self, draw: Draw) -> Sequence[float]:
        fate = draw()
        self.met += 1
        self.had += fate != UNTOUCHED
        return fate

    def facts(self) -> dict[str, Any]:
        """What there is to know of it, as JSON has it."""
        return {**self._facts, "met": self.met, "had": self.had}


def placed_of(data: Mapping[str, Any], seed: str) -> tuple[str, Placed]:
    """The toxic that a request asks for, and its id. Its direction is "both" where none is given.

    Raises:
        UsageError: Something in it cannot be used.
    """
    direction = data.get("direction", "both")
    if direction not in (*DIRECTIONS, "both"):
        raise UsageError("no such direction", value=direction, allowed=", ".join((*DIRECTIONS, "both")))
    if data.get("probability", 1) != 1:
        allowed = "no probability: datagrams have no connections, and each is lost or not by itself"
        raise UsageError("probability is for connections", value=data["probability"], allowed=allowed)
    kind, settings = data.get("kind", ""), data.get("settings", {})
    facts = {"id": data.get("id", kind), "kind": kind, "direction": direction, "settings": dict(settings)}
    return facts["id"], Placed(facts, make(DATAGRAM_TOXICS, kind, settings), seed)
