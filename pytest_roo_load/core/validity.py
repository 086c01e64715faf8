"""When a generator's own trouble makes its latencies worthless: the published limits.

A generator that had no time to look at its sockets reports its own lateness as the target's latency. So each generator
measures how late its event loop woke up, how long the kernel left it waiting for a core although it could have run, how
much of a core it used, how long it collected garbage, and by how much it fell behind its schedule. Past a
limit a latency verdict is *invalid*. A closed profile without think time uses as much of a core as there is: its
latencies are judged only where the target, not the generator, was what the users waited for.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_roo_load.core.units import Dimension, format_quantity

__all__ = ["CHECKS", "LIMITS", "Check", "Health", "Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that a generator may show from the start of the steady phase on, and in steady phases alone.

    Attributes:
        lag_p95_s: 95th percentile of how late the event loop woke up, looked at 20 times a second.
        starved: Share of the time in which it was ready to run and the kernel gave the core to another process.
        cpu: Share of one core used. A generator above it has no headroom: what it measures is partly itself.
        gc_share: Share of the time in which the garbage collector held it up.
        behind: Share of an open profile's arrivals that it began more than 250 ms late, or not at all.
    """

    lag_p95_s: float = 0.1
    starved: float = 0.5
    cpu: float = 0.95
    gc_share: float = 0.05
    behind: float = 0.01


LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One limit in words.

    Attributes:
        key: The attribute of `Limits` and of `Health`.
        dimension: How its value is written.
        title: What it is, as the head of a column.
        told: What a generator past it did; the value takes the place of the braces.
        remedy: What to do then.
    """

    key: str
    dimension: Dimension
    title: str
    told: str
    remedy: str

    def shown(self, value: float | None) -> str:
        """A value as a person reads it."""
        return format_quantity(value, self.dimension)


CHECKS = (
    Check(
        key="lag_p95_s",
        dimension=Dimension.TIME,
        title="woke up late, p95",
        told="its event loop woke up {} late at p95",
        remedy="use more generators (--roo-generators), fewer users or more think time",
    ),
    Check(
        key="starved",
        dimension=Dimension.RATIO,
        title="waited for a core",
        told="waited for a core {} of the time",
        remedy="stop other work on this machine, or move the target to another",
    ),
    Check(
        key="cpu",
        dimension=Dimension.RATIO,
        title="used of a core",
        told="used {} of a core, so its users waited for it and not for the target alone",
        remedy="use more generators (--roo-generators), fewer users or more think time",
    ),
    Check(
        key="gc_share",
        dimension=Dimension.RATIO,
        title="collected garbage",
        told="collected garbage {} of the time",
        remedy="let journeys keep fewer objects, or use more generators (--roo-generators)",
    ),
    Check(
        key="behind",
        dimension=Dimension.RATIO,
        title="arrivals begun late",
        told="was so far behind its schedule that {} of its arrivals began over 250 ms late, or never",
        remedy="use more generators (--roo-generators) or a lower rate",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What one generator observed of itself: the worse of its steady phases and of all since the first one began.

    Attributes:
        name: "inline" or "local-0" and so on.
        pid: Its process.
        lag_p95_s: See `Limits`; None when the phase was too short to look.
        lag_max_s: The longest the event loop was late.
        starved: See `Limits`; None where the kernel does not tell.
        cpu: See `Limits`.
        gc_pause_max_s: The longest pause of the garbage collector.
        gc_share: See `Limits`.
        behind: See `Limits`; None in closed profiles.
        dropped: Share of the arrivals that found no free user: the target's doing or `max_users`', so without a limit.
    """

    name: str
    pid: int
    lag_p95_s: float | None
    lag_max_s: float | None
    starved: float | None
    cpu: float | None
    gc_pause_max_s: float
    gc_share: float | None = None
    behind: float | None = None
    dropped: float | None = None

    def problems(self, limits: Limits = LIMITS) -> list[str]:
        """Each limit that was passed, in words, with what to do."""
        found = []
        for check in CHECKS:
            value, limit = getattr(self, check.key), getattr(limits, check.key)
            if value is not None and value > limit:
                told = check.told.format(check.shown(value))
                found.append(f"generator {self.name}: {told} (limit {check.shown(limit)}); {check.remedy}")
        return found
