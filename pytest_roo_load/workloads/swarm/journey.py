"""What one user of the swarm does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from pytest_roo_load.core.ports import User
from pytest_roo_load.workloads.swarm.echo import Echo
from pytest_roo_load.workloads.swarm.part import Part, use_source
from pytest_roo_load.workloads.swarm.relay import Relay
from pytest_roo_load.workloads.swarm.storms import Storms
from pytest_roo_load.workloads.swarm.tally import TALLIES, Tally

__all__ = ["WORKLOADS", "member"]


class Actor(Protocol):
    """What a user does."""

    async def open(self) -> None:
        """Connect."""

    async def turn(self) -> None:
        """Send once, and wait until what was sent has arrived."""

    async def storm(self) -> None:
        """Cut all connections and make them anew."""

    def close(self) -> None:
        """Say what became of the messages."""


_KINDS: dict[str, Callable[[Part, User, Tally], Actor]] = {"echo": Echo, "relay": Relay}
WORKLOADS: Mapping[str, Callable[[Part, User, Tally], Actor]] = MappingProxyType(_KINDS)


async def member(part: Part, user: User) -> None:
    """Connect, then send and think until the load ends; reconnect when there is a storm."""
    tally = Tally()
    use_source(part, user)
    actor = WORKLOADS[part.workload](part, user, tally)
    storms = Storms(part.storm_every_s)
    try:
        await actor.open()
        async for _ in user.iterations():
            if storms.due():
                await actor.storm()
            await actor.turn()
            if part.interval_s:
                pause_s = part.interval_s * (0.5 + user.random.random())
                await user.think(storms.pause(pause_s))
    finally:
        actor.close()
        user.record(TALLIES, tally)
