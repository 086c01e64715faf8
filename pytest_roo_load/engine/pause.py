"""Pauses that the end of the load can end."""

from __future__ import annotations

import asyncio

__all__ = ["Pauses"]


class Pauses:
    """All pauses of a generator; `end` wakes everybody and makes later pauses return at once."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()
        self._of: dict[object, asyncio.Future[None]] = {}
        self.ended = False

    def __repr__(self) -> str:
        return f"<Pauses {'ended' if self.ended else 'open'}, {len(self._waiting)} waiting>"

    async def pause(self, length_s: float, who: object = None) -> None:
        """Wait for some seconds, until `end`, or until `wake` is called for `who`; not at all for 0 or less."""
        if self.ended or length_s <= 0:
            return
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(length_s, _wake, waiter)
        self._waiting.add(waiter)
        if who is not None:
            self._of[who] = waiter
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiting.discard(waiter)
            self._of.pop(who, None)

    def wake(self, who: object) -> None:
        """End the pause of one, if it is in one."""
        if who in self._of:
            _wake(self._of[who])

    async def until_end(self) -> None:
        """Wait until `end`."""
        if not self.ended:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(waiter)
            try:
                await waiter
            finally:
                self._waiting.discard(waiter)

    def end(self) -> None:
        """Wake everybody."""
        self.ended = True
        for waiter in self._waiting:
            _wake(waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
