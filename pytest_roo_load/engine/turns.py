"""Who may begin another iteration, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pytest_roo_load.engine.quota import Quota

if TYPE_CHECKING:
    from pytest_roo_load.engine.user import VirtualUser

__all__ = ["ClosedTurns", "Turns"]


class Turns(Protocol):
    """Gives turns to users; a turn is the permission for one iteration."""

    async def take(self, user: VirtualUser) -> bool:
        """Wait for the user's next turn; False when there will be none."""


class ClosedTurns:
    """A user has its next turn at once, unless the load is over, its iterations are done, or it is dismissed."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota

    def __repr__(self) -> str:
        return f"<ClosedTurns with {self._quota!r}>"

    async def take(self, user: VirtualUser) -> bool:
        """See `Turns`."""
        return not user.dismissed and self._quota.take()
