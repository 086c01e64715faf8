"""Messages that are published and have to reach every subscriber."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any

from pytest_roo_load.core.sequence import SequenceCheck
from pytest_roo_load.engine.user import VirtualUser
from pytest_roo_load.errors import OperationTimeout, UnexpectedAnswer
from pytest_roo_load.workloads.redis.connection import Redis, Refusal, command
from pytest_roo_load.workloads.redis.part import Part
from pytest_roo_load.workloads.redis.worker import Worker

__all__ = ["PubSub", "Subscriber"]

_ARRIVAL_S = 5.0


class Subscriber:
    """A connection that gets what is published, by number."""

    def __init__(self, link: Redis, channel: str) -> None:
        self.sequence = SequenceCheck()
        self.highest = -1
        self._link = link
        self._channel = channel
        self._subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited: asyncio.Future[None] | None = None
        self._number = 0

    def __repr__(self) -> str:
        return f"<Subscriber of {self._channel}: {self.sequence!r}>"

    async def subscribe(self) -> None:
        """Get what is published from now on.

        Raises:
            UnexpectedAnswer: The server refuses it.
            OperationTimeout: It does not answer in five seconds.
        """
        self._link.listener = self._got
        self._link.send_and_forget("SUBSCRIBE", self._channel)
        try:
            async with asyncio.timeout(_ARRIVAL_S):
                await self._subscribed
        except TimeoutError as error:
            raise OperationTimeout(f"SUBSCRIBE was not answered in {_ARRIVAL_S:g} s") from error

    def _got(self, answer: Any) -> None:
        if isinstance(answer, Refusal):
            if not self._subscribed.done():
                self._subscribed.set_exception(UnexpectedAnswer(f"SUBSCRIBE: {answer}", kind=answer.kind))
            return
        if answer[0] == b"subscribe":
            self._subscribed.set_result(None)
            return
        number = int(answer[2].partition(b":")[0])
        self.sequence.see(number)
        self.highest = max(self.highest, number)
        if self._awaited is not None and number >= self._number and not self._awaited.done():
            self._awaited.set_result(None)

    def arrival(self, number: int) -> asyncio.Future[None]:
        """Done when this message, or a later one, has arrived."""
        self._number = number
        self._awaited = asyncio.get_running_loop().create_future()
        if self.highest >= number:
            self._awaited.set_result(None)
        return self._awaited

    def close(self) -> None:
        """Close its connection; idempotent."""
        self._link.close()


class PubSub(Worker):
    """Publishes on a channel of its own and waits until every subscriber has the message."""

    def __init__(self, part: Part, user: VirtualUser) -> None:
        super().__init__(part, user)
        self._channel = f"{part.prefix}channel:{user.id}"
        self._subscribers: list[Subscriber] = []
        self._body = "x" * part.value_size

    async def open(self) -> None:
        """Connect, and subscribe."""
        await super().open()
        for _ in range(self.part.subscribers):
            subscriber = Subscriber(await self.links.opened(0), self._channel)
            self._subscribers.append(subscriber)
            await subscriber.subscribe()

    async def turn(self) -> None:
        """One message."""
        number = self.tally.sent
        arrivals = [subscriber.arrival(number) for subscriber in self._subscribers]
        slot = self.user.recorder.slot("published message")
        slot.started += 1
        began = perf_counter()
        link = await self.links.link(0)
        data = command("PUBLISH", self._channel, f"{number}:{self._body}")
        await self.links.timed(self.user.recorder.slot("PUBLISH"), link, data, 1)
        self.tally.sent += 1
        try:
            async with asyncio.timeout(_ARRIVAL_S):
                await asyncio.gather(*arrivals)
        except TimeoutError:
            slot.fail(perf_counter() - began, "timeout", f"message {number} did not arrive in {_ARRIVAL_S:g} s")
            return
        slot.ok.append(perf_counter() - began)

    def close(self) -> None:
        """Say what the subscribers have got, and close."""
        for subscriber in self._subscribers:
            sequence = subscriber.sequence
            self.tally.lost += max(0, self.tally.sent - (sequence.received - sequence.duplicates))
            self.tally.duplicated += sequence.duplicates
            self.tally.reordered += sequence.reordered
            subscriber.close()
        super().close()
