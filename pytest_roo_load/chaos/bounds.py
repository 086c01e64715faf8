"""What a group of processes may have: the files by which a controller is told, in either version of cgroups."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_roo_load.core.units import Dimension, format_quantity

__all__ = ["CONTROLLERS", "Bounds", "cpu_bounds", "memory_bounds"]

CONTROLLERS = ("cpu", "memory")
PERIOD_US = 100_000
LEAST_QUOTA_US = 1000  # the kernel's

Told = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of all processes of a group together.

    Attributes:
        controller: Who keeps them, by its name in the kernel's lists.
        first: File and text for each thing that is written in version 1, in this order.
        second: The same for version 2.
        optional: Which of these files not every kernel has.
        text: In words.
    """

    controller: str
    first: Told
    second: Told
    optional: frozenset[str] = field(default=frozenset())
    text: str


def cpu_bounds(share: float) -> Bounds:
    """A quota of the CPU; `share` is CPU time over wall time."""
    quota = max(LEAST_QUOTA_US, round(share * PERIOD_US))
    return Bounds(
        controller="cpu",
        first=(("cpu.cfs_period_us", str(PERIOD_US)), ("cpu.cfs_quota_us", str(quota))),
        second=(("cpu.max", f"{quota} {PERIOD_US}"),),
        text=f"{share:.0%} of a core",
    )


def memory_bounds(size_bytes: int) -> Bounds:
    """What may be charged to the group: memory without swap, beyond which the kernel reclaims and then kills.

    Version 1 may have inherited that processes wait for memory rather than be killed; those would never end.
    """
    size = str(size_bytes)
    return Bounds(
        controller="memory",
        first=(("memory.oom_control", "0"), ("memory.limit_in_bytes", size), ("memory.memsw.limit_in_bytes", size)),
        second=(("memory.swap.max", "0"), ("memory.max", size)),
        optional=frozenset({"memory.memsw.limit_in_bytes", "memory.swap.max"}),
        text=format_quantity(size_bytes, Dimension.SIZE),
    )
