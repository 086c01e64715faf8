"""One client of Redis: what all workloads have in common."""

from __future__ import annotations

from pytest_roo_load.engine.user import VirtualUser
from pytest_roo_load.workloads.redis.links import Links
from pytest_roo_load.workloads.redis.part import Part
from pytest_roo_load.workloads.redis.tally import Tally

__all__ = ["Worker"]


class Worker:
    """One client: opens, does its turn again and again, finishes."""

    def __init__(self, part: Part, user: VirtualUser) -> None:
        self.part = part
        self.user = user
        self.tally = Tally()
        self.links = Links(part, user.recorder)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of user {self.user.id}>"

    async def open(self) -> None:
        """Connect."""
        await self.links.link(0)

    async def turn(self) -> None:
        """One iteration."""
        raise NotImplementedError

    async def finish(self) -> None:
        """After the last turn."""

    def close(self) -> None:
        """Close what was opened."""
        self.links.close()
