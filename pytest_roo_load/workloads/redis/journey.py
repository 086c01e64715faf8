"""What one client of Redis does, by workload."""

from __future__ import annotations

from types import MappingProxyType

from pytest_roo_load.engine.user import VirtualUser
from pytest_roo_load.workloads.lag import note_lag
from pytest_roo_load.workloads.redis.acknowledged import Lua, Streams
from pytest_roo_load.workloads.redis.key_value import KeyValue
from pytest_roo_load.workloads.redis.part import Part
from pytest_roo_load.workloads.redis.pubsub import PubSub
from pytest_roo_load.workloads.redis.tally import TALLIES
from pytest_roo_load.workloads.redis.worker import Worker

__all__ = ["WORKLOADS", "client"]

_KINDS: dict[str, type[Worker]] = {"lua": Lua, "streams": Streams, "pubsub": PubSub}
WORKLOADS = MappingProxyType(dict.fromkeys(("get", "set", "mixed", "ttl"), KeyValue) | _KINDS)


async def client(part: Part, user: VirtualUser) -> None:
    """Perform the workload until the load ends."""
    worker = WORKLOADS[part.workload](part, user)
    try:
        await worker.open()
        turn = worker.turn
        async for _ in user.iterations():
            if part.open:
                note_lag(user)
            await turn()
        await worker.finish()
    finally:
        worker.close()
        user.record(TALLIES, worker.tally)
