"""Sends numbered messages."""

from __future__ import annotations

import asyncio
from time import perf_counter

from pytest_roo_load.clients.counting import count_failure
from pytest_roo_load.engine.user import VirtualUser
from pytest_roo_load.errors import OperationError
from pytest_roo_load.workloads.queue.broker import Line
from pytest_roo_load.workloads.queue.message import Message, encode

__all__ = ["DELIVERY", "PRODUCED", "Producer"]

PRODUCED = "roo.queue.produced"
DELIVERY = "delivery"
_PUT = "put"


class Producer:
    """One producer.

    A "put" lasts until the broker has taken the responsibility; "delivery" begins with it, and ends when a consumer
    has the message. With a rate both count from when the message was due.

    Args:
        number: Of the producer, from 0.
    """

    def __init__(self, user: VirtualUser, line: Line, number: int) -> None:
        self._user = user
        self._line = line
        self._number = number
        self._sent = 0
        self._unknown: set[int] = set()

    def __repr__(self) -> str:
        return f"<Producer {self._number}, {self._sent} sent>"

    async def send(
        self, messages: int, *, size: int, batch: int, rate_per_s: float | None, poison: frozenset[int]
    ) -> None:
        """Send so many messages, a batch at a time, and say that these were all."""
        began = perf_counter()
        try:
            for first in range(0, messages, batch):
                numbers = range(first, min(first + batch, messages))
                due = perf_counter() if rate_per_s is None else await _due(began + first / rate_per_s)
                await self._put([Message(self._number, one, due, one in poison) for one in numbers], size)
                if rate_per_s is None:
                    await asyncio.sleep(0)
            await self._line.finish()
        finally:
            self._user.record(PRODUCED, (self._number, self._sent, tuple(self._unknown)))

    async def _put(self, messages: list[Message], size: int) -> None:
        numbers = [message.number for message in messages]
        self._sent = numbers[-1] + 1
        self._unknown.update(numbers)
        put, delivery = self._user.recorder.slot(_PUT), self._user.recorder.slot(DELIVERY)
        put.started += len(messages)
        delivery.started += len(messages)
        due = messages[0].put
        try:
            await self._line.put([encode(message, size) for message in messages])
        except OperationError as error:
            for _ in messages[1:]:
                put.fail(perf_counter() - due, error.kind, str(error))
            count_failure(put, perf_counter() - due, error, _PUT)
            raise
        self._unknown.difference_update(numbers)
        put.ok.extend([perf_counter() - due] * len(messages))


async def _due(moment: float) -> float:
    """Wait until a message is due; the moment at which it was."""
    if (wait := moment - perf_counter()) > 0:
        await asyncio.sleep(wait)
    return moment
