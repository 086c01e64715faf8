"""Drives a closed profile: each user starts its journey anew as soon as it is done."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter

from pytest_roo_load.clients.counting import is_counted
from pytest_roo_load.core.profiles import Plan, users_of
from pytest_roo_load.engine.user import Surroundings, VirtualUser
from pytest_roo_load.errors import OperationError

__all__ = ["ClosedDriver", "Journey"]

Journey = Callable[[VirtualUser], Awaitable[None]]
_AFTER_AN_ERROR_S = 0.1


class ClosedDriver:
    """Starts the users of one generator's share as the plan says and keeps them going.

    A journey that raises waits 100 ms before it starts again, so that a journey that always fails at once does not turn
    into a busy loop; while it waits its user is not inside a journey.
    """

    def __init__(self, plan: Plan, share: tuple[int, int], surroundings: Surroundings) -> None:
        self._plan = plan
        self._index, self._generators = share
        self._around = surroundings
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<ClosedDriver with {len(self._tasks)} users>"

    async def drive(self, began: float, journeys: Sequence[Journey]) -> None:
        """Carry out the plan's steps and wait until every user has come to its end.

        Args:
            began: Start of the load on the clock of `time.perf_counter`.
            journeys: The journey of each user id.
        """
        started = 0
        for step in self._plan.steps:
            await self._around.pauses.pause(began + step.at_s - perf_counter())
            if self._around.pauses.ended:
                break
            new = users_of(step.users, self._index, self._generators)[started:]
            self._around.recorder.enter(len(new))
            self._around.recorder.join(new)
            started += len(new)
            for number in new:
                self._tasks.add(asyncio.create_task(self._live(number, journeys[number])))
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def interrupt(self) -> None:
        """End what is still in flight."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _live(self, number: int, journey: Journey) -> None:
        """The life of a user that has been entered already."""
        user = VirtualUser(number, self._around)
        recorder, quota = self._around.recorder, self._around.quota
        try:
            while quota.take():
                if await self._perform(user, journey):
                    recorder.leave()
                    await self._around.pauses.pause(_AFTER_AN_ERROR_S)
                    recorder.enter()
                else:
                    await asyncio.sleep(0)
            recorder.retire()
        finally:
            await user.close()

    async def _perform(self, user: VirtualUser, journey: Journey) -> bool:
        """One call of the journey; whether it raised. A journey without `iterations()` is one iteration."""
        began = perf_counter()
        user.begin()
        try:
            await journey(user)
        except BaseException as error:
            if _ends_the_user(error):
                raise
            if isinstance(error, OperationError) and is_counted(error):
                return True
            slot = self._around.recorder.slot(f"journey {getattr(journey, '__name__', 'journey')}")
            slot.started += 1
            kind = error.kind if isinstance(error, OperationError) else type(error).__name__
            slot.fail(perf_counter() - began, kind, _traceback(error))
            return True
        user.finish()
        return False


def _ends_the_user(error: BaseException) -> bool:
    """Whether it comes from outside; all else is the journey's own and never the run's end, `pytest.fail()` as well."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit)


def _traceback(error: BaseException) -> str:
    """The traceback from the journey's own frame on."""
    frames = error.__traceback__.tb_next if error.__traceback__ else None
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip()
