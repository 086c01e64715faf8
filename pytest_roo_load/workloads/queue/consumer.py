"""Takes messages, processes them, and says so; takes over what others have left."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from time import perf_counter

from pytest_roo_load.clients.counting import count_failure
from pytest_roo_load.engine.user import VirtualUser
from pytest_roo_load.errors import OperationError
from pytest_roo_load.workloads.queue.broker import Delivery, Line
from pytest_roo_load.workloads.queue.message import decode
from pytest_roo_load.workloads.queue.producer import DELIVERY

__all__ = ["TAKEN", "Consumer"]

TAKEN = "roo.queue.taken"
_WAIT_S = 0.1
_ACKNOWLEDGE = "acknowledge"


class Consumer:
    """One consumer of the group.

    Args:
        tries: How often a message that cannot be processed is handed out before it is buried.
    """

    def __init__(self, user: VirtualUser, line: Line, tries: int) -> None:
        self._user = user
        self._line = line
        self._tries = tries
        self._producers, self._numbers, self._again = array("q"), array("q"), array("b")
        self._left_behind = 0
        self._looked = perf_counter()

    def __repr__(self) -> str:
        return f"<Consumer of user {self._user.id}, {len(self._numbers)} processed>"

    async def work(self, *, most: int, producers: int, crash_after: int | None) -> None:
        """Process messages until all producers are through and nothing is left, or until the crash.

        Args:
            most: How many are taken at once.
            producers: How many producers there are.
            crash_after: How many are processed of those that are taken; with the next one in its hands the consumer
                dies without a word. None for never.
        """
        try:
            while True:
                taken = await self._line.take(most, _WAIT_S)
                room = len(taken) if crash_after is None else max(0, crash_after - len(self._numbers))
                ours = await self._process(taken[:room])
                self._left_behind = sum(decode(one.body) is not None for one in taken[room:])
                if self._left_behind:
                    return
                await self._look_after_others(most)
                if not ours and await self._line.finished() >= producers and not await self._line.left():
                    return
        finally:
            history = self._producers.tobytes(), self._numbers.tobytes(), self._again.tobytes()
            self._user.record(TAKEN, (*history, self._left_behind))

    async def _look_after_others(self, most: int) -> None:
        """A few times a second."""
        if perf_counter() - self._looked >= _WAIT_S:
            self._looked = perf_counter()
            await self._process(await self._line.take_over(most))

    async def _process(self, taken: Sequence[Delivery]) -> bool:
        """Whether any of these is ours; what is not is passed over."""
        now = perf_counter()
        slot = self._user.recorder.slot(DELIVERY)
        done, foreign = [], []
        for delivery in taken:
            message = decode(delivery.body)
            if message is None:
                foreign.append(delivery)
            elif not message.poison:
                self._producers.append(message.producer)
                self._numbers.append(message.number)
                self._again.append(delivery.times > 1)
                slot.ok.append(now - message.put)
                done.append(delivery)
            elif delivery.times >= self._tries:
                slot.ok.append(now - message.put)
                await self._line.bury(delivery)
        if done:
            await self._acknowledge(done)
        if foreign:
            await self._line.pass_over(foreign)
        return len(foreign) < len(taken)

    async def _acknowledge(self, done: Sequence[Delivery]) -> None:
        slot = self._user.recorder.slot(_ACKNOWLEDGE)
        slot.started += 1
        began = perf_counter()
        try:
            await self._line.acknowledge(done)
        except OperationError as error:
            count_failure(slot, perf_counter() - began, error, _ACKNOWLEDGE)
            raise
        slot.ok.append(perf_counter() - began)
