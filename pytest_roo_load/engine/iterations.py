"""What `user.iterations()` gives."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from pytest_roo_load.core.recording import PhaseRecording
from pytest_roo_load.engine.recorder import PhaseRecorder

if TYPE_CHECKING:
    from pytest_roo_load.engine.turns import Turns
    from pytest_roo_load.engine.user import VirtualUser

__all__ = ["Iterations"]

_BREATH = 64


class Iterations:
    """Counts iterations until no other may begin; one that is finished counts for the phase in which it began.

    They are counted many at a time, at the latest before a wait that may be cancelled. Every 64th turn gives way to
    other users, and so does each turn while the event loop is held up, so that a journey that never waits holds up
    the generator no longer than its iterations take.
    """

    __slots__ = ("_first", "_number", "_phase", "_recorder", "_take", "_user")

    def __init__(self, user: VirtualUser, turns: Turns, recorder: PhaseRecorder) -> None:
        self._user = user
        self._take = turns.take
        self._recorder = recorder
        self._number = -1
        self._first = 0  # of those that began in this phase
        self._phase: PhaseRecording | None = None

    def __repr__(self) -> str:
        return f"<Iterations, {self._number + 1} begun>"

    def __aiter__(self) -> Iterations:
        return self

    async def __anext__(self) -> int:
        number = self._number + 1
        if number % _BREATH == 1 or perf_counter() > self._recorder.breathless:
            self.end()
            await asyncio.sleep(0)
        turn = self._take(self._user) if number else self._user.take_turn()
        if turn is not True:
            self.end()
            if turn is False or not await turn:
                raise StopAsyncIteration
        if self._phase is not self._recorder.current:
            self.end()
            self._phase = self._recorder.current
            self._first = number
        self._number = number
        return number

    def end(self, *, finished: bool = True) -> None:
        """Count what began in the phase, the last one too: it may have been left with `break`. Idempotent.

        Args:
            finished: False where an error ended the last one.
        """
        if self._phase is not None:
            self._phase.finish(self._user.id, self._number - self._first + finished)
            self._phase = None
