"""A run second by second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pytest_roo_load.core.histogram import Histogram

__all__ = ["OperationSecond", "ProcessUse", "Second", "total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessUse:
    """What a process tree uses.

    Attributes:
        memory_bytes: Resident memory; what several processes of the tree share is counted once (proportional set size)
            where the kernel tells.
        cpu_s: CPU seconds since it started.
        processes: How many it has.
        descriptors: Open file descriptors, connections among them; None where the system does not tell.
        threads: How many they have together.
        unique_bytes: Memory that no other process has: what would be free if they ended; None where the kernel does not
            tell, and in a second in which it was not asked because it would take long.
        connections: Open sockets of any family, listening ones among them; None in the same cases.
        tasks: asyncio's tasks that are not done; None unless Python programs were started such that they tell.
        ended: How many of the processes that were named have ended while it was watched; their children do not count.
    """

    memory_bytes: int
    cpu_s: float
    processes: int
    descriptors: int | None = None
    threads: int | None = None
    unique_bytes: int | None = None
    connections: int | None = None
    tasks: int | None = None
    ended: int = 0


@dataclass(slots=True, kw_only=True)
class OperationSecond:
    """One operation in one second: latencies of those that succeeded in it, and how many failed."""

    ok: Histogram = field(default_factory=Histogram)
    failed: int = 0

    def merge(self, other: OperationSecond) -> None:
        """Add what another generator, or another second, had."""
        self.ok.merge(other.ok)
        self.failed += other.failed


@dataclass(slots=True, kw_only=True)
class Second:
    """What ended in one second of the load; second 0 is the first.

    Attributes:
        t: Number of the second.
        phase: The phase in which the second began.
        users: The least number of users inside a journey during the second.
        dropped: Arrivals that found no free user in it.
        operations: Operations that ended in it, by name. Groups are not among them.
        resources: What each process tree used at the end of the second.
        looked_s: When that was seen, in seconds of the load: up to a second before the end where a look came late.
    """

    t: int
    phase: str
    users: int = 0
    dropped: int = 0
    operations: dict[str, OperationSecond] = field(default_factory=dict)
    resources: Mapping[str, ProcessUse] = field(default_factory=dict)
    looked_s: float = 0.0

    def merge(self, other: Second) -> None:
        """Add another generator's view of the same second."""
        self.users += other.users
        self.dropped += other.dropped
        for name, operation in other.operations.items():
            self.operations.setdefault(name, OperationSecond()).merge(operation)

    def to_dict(self) -> dict[str, Any]:
        """One line of the run directory's live file."""
        return {
            "t": self.t,
            "phase": self.phase,
            "users": self.users,
            "dropped": self.dropped,
            "operations": {
                name: {"ok": operation.ok.to_dict(), "failed": operation.failed}
                for name, operation in self.operations.items()
            },
            "resources": {name: asdict(use) for name, use in self.resources.items()},
            "looked_s": self.looked_s,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Second:
        """The second that `to_dict` gave."""
        return cls(
            t=data["t"],
            phase=data["phase"],
            users=data["users"],
            dropped=data.get("dropped", 0),
            operations={
                name: OperationSecond(ok=Histogram.from_dict(operation["ok"]), failed=operation["failed"])
                for name, operation in data["operations"].items()
            },
            resources={name: ProcessUse(**use) for name, use in data["resources"].items()},
            looked_s=data["looked_s"],
        )


def total(seconds: Iterable[Second], name: str | None = None) -> OperationSecond:
    """The sum of one operation, or of all, over some seconds."""
    result = OperationSecond()
    for second in seconds:
        for key, operation in second.operations.items():
            if name is None or key == name:
                result.merge(operation)
    return result
