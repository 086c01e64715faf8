"""What a test may choose of a load of commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from pytest_roo_load.core.faults.schedule import Schedule
from pytest_roo_load.errors import UsageError
from pytest_roo_load.workloads.choices import in_range

__all__ = ["Choices", "CommandsOptions"]

MOST_IN_A_BULK = 1000


class CommandsOptions(TypedDict, total=False):
    """The arguments of `commands.run`; see `Choices`."""

    count: int
    bulk: int
    users: int
    by_server: float
    max_duration: str | float
    duration: str | float | None
    faults: Schedule | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How many commands, and who executes them.

    Attributes:
        count: Commands that are queued; a multiple of `bulk`.
        bulk: Commands in one request, 1,000 at most.
        users: Users at the same time; each has a device that queues commands and one that executes them.
        by_server: The share of commands, 0 to 1, that the server executes itself.
        max_duration: The longest that all of it may take.
        duration: Queue bulks for so long, whatever `count` says; faults have their moments in it.
    """

    count: int = 1500
    bulk: int = 300
    users: int = 5
    by_server: float = 0.1
    max_duration: str | float = "10 min"
    duration: str | float | None = None

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        in_range("count", self.count, 1, 10_000_000)
        in_range("bulk", self.bulk, 1, MOST_IN_A_BULK)
        in_range("users", self.users, 1, 10_000)
        in_range("by_server", self.by_server, 0.0, 1.0)
        if self.count % self.bulk:
            allowed = f"a multiple of bulk={self.bulk}"
            raise UsageError("count cannot be split into bulks", value=self.count, allowed=allowed)

    @property
    def bulks(self) -> int:
        """How many bulks there are."""
        return self.count // self.bulk
