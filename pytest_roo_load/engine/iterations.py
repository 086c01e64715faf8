"""What `user.iterations()` gives."""

from __future__ import annotations

import asyncio
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

    Every 64th turn gives way to other users, so that a journey that never waits cannot hold up the generator.
    """

    __slots__ = ("_id", "_number", "_phase", "_recorder", "_take", "_user")

    def __init__(self, user: VirtualUser, turns: Turns, recorder: PhaseRecorder) -> None:
        self._user = user
        self._id = user.id
        self._take = turns.take
        self._recorder = recorder
        self._number = -1
        self._phase: PhaseRecording | None = None

    def __repr__(self) -> str:
        return f"<Iterations, {self._number + 1} begun>"

    def __aiter__(self) -> Iterations:
        return self

    async def __anext__(self) -> int:
        number, phase = self._number, self._phase
        if phase is not None:
            phase.finish(self._id)
            self._phase = None
        if number % _BREATH == 0 and number:
            await asyncio.sleep(0)
        turn = self._user.take_turn() if number < 0 else self._take(self._user)
        if turn is not True and (turn is False or not await turn):
            raise StopAsyncIteration
        self._phase = self._recorder.current
        self._number = number = number + 1
        return number

    def end(self) -> None:
        """The iteration that has begun is finished; a journey may leave its loop with `break`. Idempotent."""
        if self._phase is not None:
            self._phase.finish(self._user.id)
            self._phase = None
