"""Drives a closed plan: each user starts its journey anew as soon as it is done."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from time import perf_counter

from pytest_roo_load.core.profiles import Phase, Plan, users_of
from pytest_roo_load.engine.performance import AFTER_AN_ERROR_S, Journey, perform_once
from pytest_roo_load.engine.quota import Quota
from pytest_roo_load.engine.turns import granted
from pytest_roo_load.engine.user import Surroundings, VirtualUser

__all__ = ["ClosedDriver"]

_ROUNDING_S = 1e-6
_AT_ONCE = 100
_LOOK_S = 0.005  # how often it looks whether the next step's phase has begun


class ClosedDriver:
    """Starts and dismisses the users of one generator's share as the plan says, and keeps them going.

    A user that is dismissed finishes the iteration that it is in. A journey that raises waits 100 ms before it starts
    again, so that a journey that always fails at once does not turn into a busy loop; while it waits its user is not
    inside a journey.

    Args:
        plan: Its steps are carried out.
        share: Index and number of the generators.
        around: What the users share.
        quota: Whether another iteration may begin.
        journeys: The journey of each user id.
    """

    def __init__(
        self, plan: Plan, share: tuple[int, int], around: Surroundings, quota: Quota, journeys: Sequence[Journey]
    ) -> None:
        self._steps = deque(plan.steps)
        self._index, self._generators = share
        self._around = around
        self._quota = quota
        self._journeys = journeys
        self._phase_end_s = 0.0
        self._present: list[VirtualUser] = []
        self._coming: deque[VirtualUser] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._all_left = asyncio.Event()

    def __repr__(self) -> str:
        return f"<ClosedDriver with {len(self._present)} users>"

    async def drive(self, began: float) -> None:
        """Carry out the plan's steps and wait until every user has come to its end.

        Args:
            began: Start of the load on the clock of `time.perf_counter`.
        """
        while self._steps and not self._around.pauses.ended:
            due_in_s = began + self._steps[0].at_s - perf_counter()
            await self._around.pauses.pause(max(_LOOK_S, due_in_s))
            self._advance(min(perf_counter() - began, self._phase_end_s - 2 * _ROUNDING_S))
        while self._tasks or self._coming:
            self._all_left.clear()
            await self._all_left.wait()

    def begin(self, phase: Phase) -> None:
        """A phase is about to begin: it begins with its users.

        Its first step is carried out here and nowhere else: a generator that is held up would else let users come or go
        in the phase before.
        """
        self._phase_end_s = phase.end_s
        self._advance(phase.start_s)

    def _advance(self, elapsed_s: float) -> None:
        """Carry out the steps that are due by then."""
        while self._steps and self._steps[0].at_s <= elapsed_s + _ROUNDING_S and not self._quota.ended:
            wanted = users_of(self._steps.popleft().users, self._index, self._generators)
            self._start(wanted[len(self._present) :])
            while len(self._present) > len(wanted):
                leaving = self._present.pop()
                leaving.dismiss()
                self._around.recorder.part(leaving.id)

    def _start(self, numbers: range) -> None:
        self._around.recorder.enter(len(numbers))
        users = [VirtualUser(number, self._around) for number in numbers]
        self._present += users
        self._coming += users
        self._begin()

    def _begin(self) -> None:
        """Let some users begin; others follow when these have had a turn of the event loop, which is not held up."""
        left = self._left
        for _ in range(min(_AT_ONCE, len(self._coming))):
            user = self._coming.popleft()
            task = asyncio.create_task(self._live(user, self._journeys[user.id]), name="virtual user")
            self._tasks.add(task)
            task.add_done_callback(left)
        if self._coming:
            asyncio.get_running_loop().call_soon(self._begin)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._all_left.set()

    async def end(self, elapsed_s: float) -> None:
        """The load is over after so many seconds: nothing begins any more."""
        del elapsed_s
        self._quota.ended = True

    async def interrupt(self) -> None:
        """End what is still in flight."""
        self._around.sweeper.interrupting = True
        self._coming.clear()
        ending = list(self._tasks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _live(self, user: VirtualUser, journey: Journey) -> None:
        """The life of a user that has been entered already."""
        recorder, turns = self._around.recorder, self._around.turns
        if not user.dismissed:
            recorder.join([user.id])  # here the phase has begun that it was started for
        try:
            while await granted(turns.take(user)):
                if await perform_once(user, journey, has_turn=True):
                    recorder.leave()
                    await self._around.pauses.pause(AFTER_AN_ERROR_S)
                    recorder.enter()
                else:
                    await asyncio.sleep(0)
            recorder.leave() if user.dismissed else recorder.retire()
        finally:
            await user.close()
