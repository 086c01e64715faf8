"""Who may begin another iteration, and when."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol

from pytest_roo_load.engine.quota import Quota

if TYPE_CHECKING:
    from pytest_roo_load.engine.user import VirtualUser

__all__ = ["ClosedTurns", "Turns", "granted"]


class Turns(Protocol):
    """Gives turns to users; a turn is the permission for one iteration."""

    def take(self, user: VirtualUser) -> bool | Awaitable[bool]:
        """The user's next turn: whether there is one, at once or to be waited for."""

    def renew(self, user: VirtualUser) -> bool:
        """The user makes use of its turn in a later phase than it was given in: whether it still may."""


async def granted(turn: bool | Awaitable[bool]) -> bool:  # noqa: FBT001 - the answer of `Turns.take`
    """Whether there is a turn, waited for if need be."""
    return turn if isinstance(turn, bool) else await turn


class ClosedTurns:
    """A user has its next turn at once, unless the load is over, its iterations are done, or it is dismissed."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota

    def __repr__(self) -> str:
        return f"<ClosedTurns with {self._quota!r}>"

    def take(self, user: VirtualUser) -> bool:
        """See `Turns`."""
        quota = self._quota
        if user.dismissed or quota.ended:
            return False
        return quota.left is None or quota.take()

    renew = take  # what was given in the warm-up is not one of those that are counted
