"""Drives an open plan: iterations begin at moments of their own and borrow users that are set up and free."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from pytest_roo_load.core.profiles import Ahead, Arrivals, Due, Phase, users_of
from pytest_roo_load.core.trace import Recorded
from pytest_roo_load.engine.performance import AFTER_AN_ERROR_S, Journey, perform_once
from pytest_roo_load.engine.user import Surroundings, VirtualUser

__all__ = ["ArrivalTurns", "OpenDriver"]

_EARLY_S = 0.0005  # by which a pause may end early
_ROUNDING_S = 1e-6
_UNTIL_WOKEN_S = 3600.0
_BREATH = 64
_BEHIND_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One arrival's iteration: when it was meant to begin, on the clock of `time.perf_counter`, and what it is for."""

    intended: float
    request: Recorded | None = None


class ArrivalTurns:
    """Users wait here, each in the line of its journey, until an arrival borrows them."""

    def __init__(self) -> None:
        self._free: dict[Journey, deque[asyncio.Future[Turn | None]]] = {}
        self._owed: dict[Journey, deque[Turn]] = {}
        self._journey_of: dict[VirtualUser, Journey] = {}
        self._coming: set[VirtualUser] = set()
        self.ended = False

    def __repr__(self) -> str:
        return f"<ArrivalTurns, {sum(map(len, self._free.values()))} users free>"

    def admit(self, user: VirtualUser, journey: Journey) -> None:
        """A user joins: it is being set up, and will wait in the line of its journey."""
        self._journey_of[user] = journey
        self._coming.add(user)

    async def take(self, user: VirtualUser) -> bool:
        """See `Turns`: the turn is the next arrival; its intended start is noted on the user."""
        self._coming.discard(user)
        if self.ended:
            return False
        journey = self._journey_of[user]
        owed = self._owed.get(journey)
        turn = owed.popleft() if owed else await self._wait(journey)
        if turn is None:
            return False
        user.due(turn.intended, turn.request)
        return True

    def renew(self, user: VirtualUser) -> bool:
        """See `Turns`: an arrival is the user's, however long it takes to begin."""
        del user
        return True

    async def _wait(self, journey: Journey) -> Turn | None:
        waiter: asyncio.Future[Turn | None] = asyncio.get_running_loop().create_future()
        self._free.setdefault(journey, deque()).append(waiter)
        return await waiter

    def give(self, journey: Journey, turn: Turn) -> bool:
        """Let a user have an arrival: a free one, the one that was busy last, or one that is being set up.

        Returns:
            Whether there was one.
        """
        free = self._free.get(journey)
        while free:
            waiter = free.pop()
            if not waiter.done():
                waiter.set_result(turn)
                return True
        coming = sum(self._journey_of[user] is journey for user in self._coming) if self._coming else 0
        if coming > len(self._owed.get(journey, ())):
            self._owed.setdefault(journey, deque()).append(turn)
            return True
        return False

    def end(self) -> int:
        """No more arrivals: who waits has its end. Returns how many arrivals still waited for users to be set up."""
        self.ended = True
        for free in self._free.values():
            for waiter in free:
                if not waiter.done():
                    waiter.set_result(None)
        return sum(map(len, self._owed.values()))


class OpenDriver:
    """Starts iterations when they are due.

    Users that a plan wants beforehand are set up when the load begins: a journey that asks for `iterations()` runs up
    to there and waits. When no user is free another one is set up, up to the plan's limit, and the arrival is its own.

    Args:
        arrivals: How many users there may be.
        ahead: When this generator's iterations begin.
        share: Index and number of the generators.
        around: What the users share; its turns are `ArrivalTurns`.
        journeys: The journey of each user id.
    """

    def __init__(
        self,
        arrivals: Arrivals,
        ahead: Ahead,
        share: tuple[int, int],
        around: Surroundings,
        journeys: Sequence[Journey],
    ) -> None:
        self._arrivals = arrivals
        self._index, self._generators = share
        self._around = around
        assert isinstance(around.turns, ArrivalTurns)
        self._turns = around.turns
        self._journeys = journeys
        self._unused = deque(users_of(arrivals.max_users, self._index, self._generators))
        self._tasks: set[asyncio.Task[None]] = set()
        self._began = 0.0
        self._phase_end_s = 0.0
        self._ahead = ahead

    def __repr__(self) -> str:
        return f"<OpenDriver with {len(self._tasks)} users, {len(self._unused)} more allowed>"

    def begin(self, phase: Phase) -> None:
        """A phase is about to begin: set up the users that are wanted beforehand; the rest comes with arrivals."""
        self._phase_end_s = phase.end_s
        self._around.pauses.wake(self)
        self._start([number for number in self._unused if number < self._arrivals.users])

    async def drive(self, began: float) -> None:
        """Begin each arrival of this generator's share when it is due, then wait until all users have come to an end.

        Args:
            began: Start of the load on the clock of `time.perf_counter`.
        """
        self._began = began
        pauses = self._around.pauses
        for breath in itertools.count(1):
            if (due := self._ahead.next) is None or pauses.ended:
                break
            if (wait_s := self._wait_s(due)) > 0:
                await pauses.pause(wait_s, self)  # also ends where the rate changes, or a phase begins
            else:
                self._begin_next()
            if breath % _BREATH == 0:  # when it is behind, nothing else would make it give way to its users
                await asyncio.sleep(0)
        await pauses.until_end()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _wait_s(self, due: Due) -> float:
        """How long an arrival may not begin: until it is due and its phase has begun, for which it is counted."""
        if due.at_s >= self._phase_end_s - _ROUNDING_S:
            return _UNTIL_WOKEN_S
        left_s = self._began + due.at_s - perf_counter()
        return left_s if left_s > _EARLY_S else 0.0

    def steer(self, from_s: float, rate: float) -> None:
        """From a second of the load on, all generators together begin so many iterations a second."""
        self._ahead.steer(from_s, rate)
        self._around.pauses.wake(self)

    def _begin_next(self) -> None:
        due = self._ahead.next
        assert due is not None
        self._ahead.pass_on()
        turn = Turn(intended=self._began + due.at_s, request=due.request)
        self._arrive(self._journeys[due.number % len(self._journeys)], turn)

    def _arrive(self, journey: Journey, turn: Turn) -> None:
        self._around.recorder.arrived(behind=perf_counter() - turn.intended > _BEHIND_S)
        if self._turns.give(journey, turn):
            return
        number = next((number for number in self._unused if self._journeys[number] is journey), None)
        if number is None:
            self._around.recorder.dropped(1)
            return
        self._start([number])
        self._turns.give(journey, turn)

    def _start(self, numbers: Sequence[int]) -> None:
        self._around.recorder.enter(len(numbers))
        for number in numbers:
            self._unused.remove(number)
            user = VirtualUser(number, self._around, late=True)
            self._turns.admit(user, self._journeys[number])
            task = asyncio.create_task(self._live(user, self._journeys[number]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def end(self, elapsed_s: float) -> None:
        """The load is over after so many seconds: nothing begins any more, once what was due has begun.

        Arrivals that were due by then begin now if they are late by what waking up takes; those that are later were
        missed. Arrivals whose users are not set up yet are dropped.
        """
        missed = 0
        while (due := self._ahead.next) is not None and due.at_s < elapsed_s:
            if elapsed_s - due.at_s <= _BEHIND_S:
                self._begin_next()
            else:
                missed += 1
                self._ahead.pass_on()
        self._around.recorder.missed(missed)
        await asyncio.sleep(0)  # who was given a turn begins in its next step
        self._around.recorder.dropped(self._turns.end())

    async def interrupt(self) -> None:
        """End what is still in flight."""
        self._around.sweeper.interrupting = True
        ending = list(self._tasks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _live(self, user: VirtualUser, journey: Journey) -> None:
        recorder = self._around.recorder
        sets_up = _asks_for_iterations(journey)
        try:
            while not self._turns.ended and (sets_up or await self._turns.take(user)):
                if await perform_once(user, journey, has_turn=not sets_up):
                    recorder.leave()
                    await self._around.pauses.pause(AFTER_AN_ERROR_S)
                    recorder.enter()
            recorder.retire()
        finally:
            await user.close()


def _asks_for_iterations(journey: Journey) -> bool:
    """Whether the journey's own code speaks of `iterations`, so that it can be set up before its first turn."""
    function = getattr(journey, "func", journey)
    code = getattr(function, "__code__", None)
    return code is not None and "iterations" in code.co_names
