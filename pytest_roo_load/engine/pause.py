"""Pauses that the end of the load can end."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count
from time import perf_counter

__all__ = ["Pauses"]

_SOON_S = 0.0005


class Pauses:
    """All pauses of a generator; `end` wakes everybody and makes later pauses return at once.

    One timer of the event loop serves all: thousands of users that think would else need one each. A pause ends at most
    half a millisecond early, which is as exactly as the event loop's timers go off.
    """

    def __init__(self) -> None:
        self._due: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None
        self._of: dict[object, list[asyncio.Future[None]]] = {}  # a list, which takes a third of a set's memory
        self._until_end: set[asyncio.Future[None]] = set()
        self.ended = False

    def __repr__(self) -> str:
        waiting = sum(not waiter.done() for *_, waiter in self._due) + len(self._until_end)
        return f"<Pauses {'ended' if self.ended else 'open'}, {waiting} waiting>"

    async def pause(self, length_s: float, who: object = None) -> None:
        """Wait for some seconds, until `end`, or until `wake` is called for `who`; not at all for 0 or less."""
        if self.ended or length_s <= 0:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._due, (perf_counter() + length_s, next(self._numbers), waiter))
        if self._due[0][2] is waiter:
            self._set_timer()
        if who is None:
            await waiter
            return
        pauses = self._of.setdefault(who, [])
        pauses.append(waiter)
        try:
            await waiter
        finally:
            pauses.remove(waiter)
            if not pauses:
                del self._of[who]

    def _set_timer(self) -> None:
        """Ring when the first pause is due."""
        if self._timer is not None:
            self._timer.cancel()
        length_s = max(0.0, self._due[0][0] - perf_counter())
        self._timer = asyncio.get_running_loop().call_later(length_s, self._ring)

    def _ring(self) -> None:
        self._timer = None
        soon = perf_counter() + _SOON_S
        while self._due and self._due[0][0] <= soon:
            _wake(heapq.heappop(self._due)[2])
        if self._due:
            self._set_timer()

    def wake(self, who: object) -> None:
        """End the pauses of one, of which there are several when it does several things at once."""
        for waiter in self._of.get(who, ()):
            _wake(waiter)

    async def until_end(self) -> None:
        """Wait until `end`."""
        if not self.ended:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._until_end.add(waiter)
            try:
                await waiter
            finally:
                self._until_end.discard(waiter)

    def end(self) -> None:
        """Wake everybody."""
        self.ended = True
        if self._timer is not None:
            self._timer.cancel()
        for *_, waiter in self._due:
            _wake(waiter)
        self._due.clear()
        for waiter in self._until_end:
            _wake(waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
