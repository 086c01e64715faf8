"""Single questions asked together: under load a round trip to PostgreSQL or Redis costs more than what it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Batch(Generic[Key, Value]):
    """Asks for many keys with one call of ``ask``, which returns what it has found.

    The first question leaves at once. Those that arrive while it is on its way leave together when it has come back:
    so an answer is never older than its question.
    """

    def __init__(self, ask: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Value]]]) -> None:
        self._ask = ask
        self._waiting: list[tuple[Key, asyncio.Future[Value | None]]] = []
        self._asker: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Batch of {len(self._waiting)} questions>"

    async def get(self, key: Key) -> Value | None:
        """Return what there is for ``key``, None when there is nothing; raises what ``ask`` does."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Value | None] = loop.create_future()
        self._waiting.append((key, answer))
        if self._asker is None or self._asker.done():
            self._asker = loop.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting, []
            try:
                found = await self._ask([key for key, _ in asked])
            except Exception as error:  # noqa: BLE001 - everyone who has asked gets it
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for key, answer in asked:
                    if not answer.done():
                        answer.set_result(found.get(key))
