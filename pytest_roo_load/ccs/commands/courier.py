"""Takes commands to devices, to each device one after another: so they come in the order in which they were sent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from pytest_roo_load.ccs.commands.command import Claimed
from pytest_roo_load.ccs.commands.delivery import Delivery
from pytest_roo_load.ccs.commands.lane import Lane

Errand = tuple[Lane, Claimed]


class Courier:
    """One queue for each device that something is being sent to.

    The next command goes out when it is known that the one before has arrived: where the device is at another instance,
    two that are on their way at the same time may overtake each other. ``missed`` is told of a device that could not
    be reached; what has been put back meanwhile is not sent.
    """

    def __init__(self, delivery: Delivery, missed: Callable[[Lane, str], None]) -> None:
        self._delivery = delivery
        self._missed = missed
        self._queues: dict[str, deque[Errand]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Courier with something for {len(self._queues)} devices>"

    def send(self, lane: Lane, command: Claimed, device_id: str) -> None:
        """Send a command after those that are on their way to the device."""
        queue = self._queues.get(device_id)
        if queue is not None:
            queue.append((lane, command))
            return
        self._queues[device_id] = deque([(lane, command)])
        task = asyncio.create_task(self._deliver(device_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Send nothing more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, device_id: str) -> None:
        queue = self._queues[device_id]
        try:
            while queue:
                lane, command = queue.popleft()
                if not lane.awaits(command, device_id) or await self._delivery.start(command, device_id):
                    continue
                if lane.awaits(command, device_id):
                    self._missed(lane, device_id)
        finally:
            del self._queues[device_id]
