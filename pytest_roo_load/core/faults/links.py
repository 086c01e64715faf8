"""What can be done to the connections between users, the target and its services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

from pytest_roo_load.core.faults.link_table import DOWN
from pytest_roo_load.core.faults.processes import Verbs
from pytest_roo_load.core.faults.reach import Length, Reach, check_reach, length_of, share_of, way_of
from pytest_roo_load.core.profiles.plan import positive
from pytest_roo_load.core.units import Dimension, parse_quantity
from pytest_roo_load.core.units import duration as seconds_of
from pytest_roo_load.errors import UsageError

if TYPE_CHECKING:
    from pytest_roo_load.core.faults.schedule import Schedule

__all__ = ["LinkVerbs"]


class LinkVerbs(Verbs):
    """A link is named for the server that it leads to: "ccs" from the users, "postgres" and "redis" from the target.

    The fixture `links` opens others, also for datagrams (UDP), of which only `slow`, `lose`, `duplicate` and `reorder`
    make sense. `reach` is: `direction`, "upstream" (to the server), "downstream" (what it answers) or "both";
    `duration`, without which a link is broken until it is healed; and for connections `probability`, such as "30 %",
    with which each has the fault. Live connections are affected as well as new ones.
    """

    def slow(self, link: str, *, latency: str, jitter: str = "0 s", **reach: Unpack[Reach]) -> Schedule:
        """Everything arrives `latency` later, plus or minus up to `jitter`."""
        settings = {"latency_s": positive(latency, "latency"), "jitter_s": seconds_of(jitter, name="jitter")}
        return self._on("slow", link, settings, reach)

    def throttle(self, link: str, *, rate: str, **reach: Unpack[Reach]) -> Schedule:
        """No more than `rate` each second, such as "1 MB"."""
        return self._on("throttle", link, {"rate": _size(rate, "rate")}, reach)

    def lose(self, link: str, *, rate: str, burst: float = 1, **reach: Unpack[Reach]) -> Schedule:
        """Packets are lost, such as "5 %", `burst` in a row on average: TCP stalls until they are sent again.

        Datagrams are gone.
        """
        return self._on("lose", link, {"rate": share_of(rate, "rate"), "burst": float(burst)}, reach)

    def stall(self, link: str, *, close_after: str | float = 0, **reach: Unpack[Reach]) -> Schedule:
        """Nothing gets through any more; connections are closed after a while, with 0 never."""
        return self._on("stall", link, {"after_s": seconds_of(close_after, name="close_after")}, reach)

    def partition(self, link: str, **reach: Unpack[Reach]) -> Schedule:
        """Nothing gets through; what was sent meanwhile arrives when the partition is over."""
        return self._on("partition", link, {}, reach)

    def reset(
        self, link: str, *, after: str | float = 0, duration: Length = None, probability: str | None = None
    ) -> Schedule:
        """Every connection is reset, new ones too, `after` a while."""
        reach = Reach(duration=duration, probability=probability)
        return self._on("reset", link, {"after_s": seconds_of(after, name="after")}, reach)

    def close_slowly(
        self, link: str, *, delay: str | float, duration: Length = None, probability: str | None = None
    ) -> Schedule:
        """The end of a stream arrives late."""
        reach = Reach(duration=duration, probability=probability)
        return self._on("close_slowly", link, {"delay_s": positive(delay, "delay")}, reach)

    def close_after(self, link: str, *, size: str, **reach: Unpack[Reach]) -> Schedule:
        """Each connection is closed when `size` has passed through it, such as "10 KB"."""
        return self._on("close_after", link, {"limit": round(_size(size, "size"))}, reach)

    def slice(self, link: str, *, size: str, pause: str | float = 0, **reach: Unpack[Reach]) -> Schedule:
        """Data arrives in pieces of `size`, with a pause between them."""
        settings = {"size": round(_size(size, "size")), "delay_s": seconds_of(pause, name="pause")}
        return self._on("slice", link, settings, reach)

    def corrupt(self, link: str, *, rate: str, **reach: Unpack[Reach]) -> Schedule:
        """A share of all bytes, such as "0.1 %", has one bit flipped."""
        return self._on("corrupt", link, {"rate": share_of(rate, "rate")}, reach)

    def duplicate(self, link: str, *, rate: str, direction: str | None = None, duration: Length = None) -> Schedule:
        """A share of the datagrams, such as "5 %", arrives twice."""
        reach = Reach(direction=direction, duration=duration)
        return self._on("duplicate", link, {"rate": share_of(rate, "rate")}, reach)

    def reorder(
        self,
        link: str,
        *,
        rate: str,
        delay: str | float = "50 ms",
        direction: str | None = None,
        duration: Length = None,
    ) -> Schedule:
        """A share of the datagrams, such as "5 %", is held for `delay`, so that others overtake it."""
        settings = {"rate": share_of(rate, "rate"), "delay_s": positive(delay, "delay")}
        return self._on("reorder", link, settings, Reach(direction=direction, duration=duration))

    def cut(self, link: str, *, duration: Length = None) -> Schedule:
        """Connections are reset and new ones refused: all of them, for the link is down."""
        return self._on(DOWN, link, {}, Reach(duration=duration))

    def _on(self, verb: str, link: str, settings: Mapping[str, float], reach: Reach) -> Schedule:
        check_reach(verb, reach)
        return self._break(verb, link, lasts=length_of(reach), **way_of(reach), **settings)


def _size(text: str, name: str) -> float:
    size = parse_quantity(text, Dimension.SIZE)
    if size < 1:
        raise UsageError(f"{name} is out of range", value=text, allowed="1 B or more")
    return size
