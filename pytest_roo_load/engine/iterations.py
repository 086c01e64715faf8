"""What `user.iterations()` gives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Iterations"]

_BREATH = 64


class Iterations:
    """Counts iterations until no other may begin.

    Every 64th turn gives way to other users, so that a journey that never waits cannot hold up the generator.
    """

    __slots__ = ("_finished", "_may_iterate", "_number")

    def __init__(self, may_iterate: Callable[[], bool], finished: Callable[[], None]) -> None:
        self._may_iterate = may_iterate
        self._finished = finished
        self._number = -1

    def __repr__(self) -> str:
        return f"<Iterations, {self._number + 1} begun>"

    def __aiter__(self) -> Iterations:
        return self

    async def __anext__(self) -> int:
        if self._number >= 0:
            self._finished()
        if not self._may_iterate():
            raise StopAsyncIteration
        self._number += 1
        if not self._number % _BREATH:
            await asyncio.sleep(0)
        return self._number
