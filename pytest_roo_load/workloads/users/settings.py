"""What a test may choose of a load with many users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from pytest_roo_load.errors import UsageError
from pytest_roo_load.workloads.choices import in_range

__all__ = ["Choices", "UsersOptions"]

MOST_IN_A_BATCH = 1000


class UsersOptions(TypedDict, total=False):
    """The arguments of `mass_users.run`; see `Choices`."""

    count: int
    batch: int
    managers: int
    logins_at_once: int
    max_duration: str | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How many users, and how they come and go.

    Attributes:
        count: Users that are created, changed, logged in, deactivated and deleted; a multiple of `batch`.
        batch: Users in one request, 1,000 at most.
        managers: Batches at the same time: accounts that each manage users of their own.
        logins_at_once: How many users of one batch log in at the same time.
        max_duration: The longest that all of it may take.
    """

    count: int = 500
    batch: int = 100
    managers: int = 5
    logins_at_once: int = 5
    max_duration: str | float = "10 min"

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        in_range("batch", self.batch, 1, MOST_IN_A_BATCH)
        in_range("count", self.count, 1, 10_000_000)
        in_range("managers", self.managers, 1, 1000)
        in_range("logins_at_once", self.logins_at_once, 1, 1000)
        if self.count % self.batch:
            allowed = f"a multiple of batch={self.batch}"
            raise UsageError("count cannot be split into batches", value=self.count, allowed=allowed)

    @property
    def batches(self) -> int:
        """How many batches there are."""
        return self.count // self.batch
