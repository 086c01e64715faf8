"""What can be done to the connections between users, the target and its services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_roo_load.core.faults.link_table import DOWN, LINKS
from pytest_roo_load.core.faults.processes import Verbs
from pytest_roo_load.core.profiles.plan import positive
from pytest_roo_load.core.units import Dimension, parse_quantity
from pytest_roo_load.core.units import duration as seconds_of
from pytest_roo_load.errors import UsageError

if TYPE_CHECKING:
    from pytest_roo_load.core.faults.schedule import Schedule

__all__ = ["LinkVerbs"]

Length = str | float | None


class LinkVerbs(Verbs):
    """A link is named for the server that it leads to: "ccs" from the users, "postgres" and "redis" from the target.

    The direction is "upstream" (to the server), "downstream" (what it answers) or "both". Where no duration is given
    a link is broken until it is healed. Live connections are affected as well as new ones.
    """

    def slow(
        self, link: str, *, latency: str, jitter: str = "0 s", direction: str = "downstream", duration: Length = None
    ) -> Schedule:
        """Everything arrives `latency` later, plus or minus up to `jitter`."""
        settings = {"latency_s": positive(latency, "latency"), "jitter_s": seconds_of(jitter, name="jitter")}
        return self._on("slow", link, direction, duration, settings)

    def throttle(self, link: str, *, rate: str, direction: str = "downstream", duration: Length = None) -> Schedule:
        """No more than `rate` each second, such as "1 MB"."""
        return self._on("throttle", link, direction, duration, {"rate": _size(rate, "rate")})

    def lose(
        self, link: str, *, rate: str, burst: float = 1, direction: str = "downstream", duration: Length = None
    ) -> Schedule:
        """Packets are lost, such as "5 %", `burst` in a row on average: TCP stalls until they are sent again."""
        return self._on("lose", link, direction, duration, {"rate": _share(rate), "burst": float(burst)})

    def stall(
        self, link: str, *, close_after: str | float = 0, direction: str = "both", duration: Length = None
    ) -> Schedule:
        """Nothing gets through any more; connections are closed after a while, with 0 never."""
        after_s = seconds_of(close_after, name="close_after")
        return self._on("stall", link, direction, duration, {"after_s": after_s})

    def partition(self, link: str, *, direction: str = "both", duration: Length = None) -> Schedule:
        """Nothing gets through; what was sent meanwhile arrives when the partition is over."""
        return self._on("partition", link, direction, duration, {})

    def reset(self, link: str, *, after: str | float = 0, duration: Length = None) -> Schedule:
        """Every connection is reset, new ones too, `after` a while."""
        return self._on("reset", link, "downstream", duration, {"after_s": seconds_of(after, name="after")})

    def close_slowly(self, link: str, *, delay: str | float, duration: Length = None) -> Schedule:
        """The end of a stream arrives late."""
        return self._on("close_slowly", link, "both", duration, {"delay_s": positive(delay, "delay")})

    def close_after(self, link: str, *, size: str, direction: str = "downstream", duration: Length = None) -> Schedule:
        """Each connection is closed when `size` has passed through it, such as "10 KB"."""
        return self._on("close_after", link, direction, duration, {"limit": round(_size(size, "size"))})

    def slice(
        self, link: str, *, size: str, pause: str | float = 0, direction: str = "both", duration: Length = None
    ) -> Schedule:
        """Data arrives in pieces of `size`, with a pause between them."""
        settings = {"size": round(_size(size, "size")), "delay_s": seconds_of(pause, name="pause")}
        return self._on("slice", link, direction, duration, settings)

    def corrupt(self, link: str, *, rate: str, direction: str = "downstream", duration: Length = None) -> Schedule:
        """A share of all bytes, such as "0.1 %", has one bit flipped."""
        return self._on("corrupt", link, direction, duration, {"rate": _share(rate)})

    def cut(self, link: str, *, duration: Length = None) -> Schedule:
        """Connections are reset and new ones refused."""
        return self._on(DOWN, link, "both", duration, {})

    def _on(self, verb: str, link: str, direction: str, duration: Length, settings: Mapping[str, float]) -> Schedule:
        if link not in LINKS:
            raise UsageError("no such link", value=link, allowed=", ".join(LINKS), place="argument link")
        if direction not in ("upstream", "downstream", "both"):
            allowed = "upstream, downstream, both"
            raise UsageError("no such direction", value=direction, allowed=allowed, place="argument direction")
        length_s = None if duration is None else positive(duration, "duration")
        return self._break(verb, link, lasts=length_s, direction=direction, **settings)


def _size(text: str, name: str) -> float:
    size = parse_quantity(text, Dimension.SIZE)
    if size < 1:
        raise UsageError(f"{name} is out of range", value=text, allowed="1 B or more")
    return size


def _share(text: str) -> float:
    share = parse_quantity(text, Dimension.RATIO)
    if not 0 < share <= 1:
        raise UsageError("rate is out of range", value=text, allowed="more than 0 %, up to 100 %")
    return share
