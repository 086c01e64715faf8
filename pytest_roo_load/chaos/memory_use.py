"""How near the processes of a group have come to the memory that they may have."""

from __future__ import annotations

import mmap
from dataclasses import dataclass

from pytest_roo_load.chaos.cgroups import Group

__all__ = ["MemoryUse", "memory_use"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """What the kernel says of a group.

    Attributes:
        limit_bytes: What may be charged to it, in whole pages.
        peak_bytes: The most that was charged at any moment; None where the kernel does not say (version 2 before 5.19).
        killed: How many of its processes the kernel has killed for want of memory.
    """

    limit_bytes: int | None
    peak_bytes: int | None
    killed: int

    def is_limited_to(self, size_bytes: int) -> bool:
        """Whether this is the limit: the kernel leaves out what is no whole page."""
        return self.limit_bytes is not None and size_bytes - mmap.PAGESIZE < self.limit_bytes <= size_bytes


def memory_use(group: Group) -> MemoryUse:
    """What has become of a group whose bounds are of memory.

    Raises:
        FaultError: There is no such group.
    """
    limit, peak, events = (
        ("memory.max", "memory.peak", "memory.events")
        if group.hierarchy.unified
        else ("memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control")
    )
    counts = dict(line.split() for line in group.read(events).splitlines() if line)
    return MemoryUse(
        limit_bytes=_whole(group.read(limit)),
        peak_bytes=_whole(group.read(peak)),
        killed=int(counts.get("oom_kill", 0)),
    )


def _whole(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None  # "max", or no such file
