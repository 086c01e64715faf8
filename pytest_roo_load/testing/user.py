"""A virtual user for unit tests of journeys."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from time import perf_counter
from typing import Any

from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.clients.sweeper import INTERVAL_S, Sweeper
from pytest_roo_load.clients.websocket.client import WebSocketClient
from pytest_roo_load.core.accounts import Account
from pytest_roo_load.core.trace import Recorded
from pytest_roo_load.errors import OperationError, UsageError
from pytest_roo_load.testing.recorder import FakeRecorder

__all__ = ["FakeUser"]


class FakeUser:
    """A `core.ports.User` that performs a few iterations without load; thinking takes no time.

    Args:
        number: The user's `id`.
        iterations: How many times `iterations()` counts.
        target: URL that `http` and `websocket` talk to, over real sockets. Without one, assign to `user.http` or
            `user.websocket` whatever the journey shall talk to instead.
        seed: Seeds `random` as the run's seed does.
        account: The user's account at the target, where it has one.

    Attributes:
        time_s: Seconds that the user has spent thinking.
    """

    def __init__(
        self,
        number: int = 0,
        *,
        iterations: int = 1,
        target: str | None = None,
        seed: int = 0,
        account: Account | None = None,
    ) -> None:
        if iterations < 0:
            raise UsageError("not a number of iterations", value=iterations, allowed="0 or more")
        self.id = number
        self.run = "unit"
        self.random = random.Random(f"{seed}/{number}")
        self.recorder = FakeRecorder()
        self.account = account
        self.recorded: Recorded | None = None
        self.time_s = 0.0
        self._iterations = iterations
        self._target = target
        self._sweeper = Sweeper()
        self._taken: dict[Any, int] = {}

    def __repr__(self) -> str:
        return f"<FakeUser {self.id} after {self.time_s:.3f} s of thinking>"

    @cached_property
    def http(self) -> Any:
        """The HTTP client."""
        return HttpClient(self._url(), self.recorder, self._sweeper)

    @cached_property
    def websocket(self) -> Any:
        """The WebSocket client."""
        return WebSocketClient(self._url(), self.recorder, self._sweeper)

    def _url(self) -> str:
        if self._target is None:
            raise UsageError("no target", value=None, allowed="FakeUser(target=URL), or a stand-in assigned to it")
        return self._target

    def perform(self, journey: Callable[..., Awaitable[None]]) -> FakeRecorder:
        """Perform a journey once, to its end, and close the user's connections; what it recorded.

        Raises:
            Exception: Whatever the journey raises; under load it would be counted as a failed operation.
        """
        asyncio.run(self._perform(journey))
        return self.recorder

    async def iterations(self) -> AsyncIterator[int]:
        """Counts 0, 1, 2 ... as often as was asked for."""
        for number in range(self._iterations):
            await asyncio.sleep(0)
            yield number

    @asynccontextmanager
    async def group(self, name: str) -> AsyncIterator[None]:
        """Times a stretch of the journey under a name."""
        slot = self.recorder.group_slot(name)
        slot.started += 1
        began = perf_counter()
        try:
            yield
        except Exception as error:
            kind = error.kind if isinstance(error, OperationError) else type(error).__name__
            slot.fail(perf_counter() - began, kind, str(error))
            raise
        slot.ok.append(perf_counter() - began)

    def check(self, condition: object, name: str) -> bool:
        """Counts whether a condition holds; one that does not is a failed operation "check NAME"."""
        held = bool(condition)
        self.recorder.check(name, held)
        if not held:
            slot = self.recorder.slot(f"check {name}")
            slot.started += 1
            slot.fail(0.0, "check", f"check {name!r} did not hold for user {self.id}")
        return held

    async def think(self, low_s: float, high_s: float | None = None) -> None:
        """Adds the think time to `time_s` and lets others go on."""
        high_s = low_s if high_s is None else high_s
        if not 0 <= low_s <= high_s:
            raise UsageError("not a think time", value=(low_s, high_s), allowed="0 <= low <= high, in seconds")
        self.time_s += self.random.uniform(low_s, high_s)
        await asyncio.sleep(0)

    def record(self, name: str, value: Any) -> None:
        """Keeps a value: `recorder.values[name]`."""
        self.recorder.value(name, value)

    def take(self, feed: Any) -> Any:
        """The next row of a feed: the rows of a user that is alone, one after another."""
        number = self._taken.get(feed, self.id)
        self._taken[feed] = number + 1
        return feed.row(number)

    async def close(self) -> None:
        """Close the connections of the clients that were used; idempotent."""
        for client in (self.__dict__.get("websocket"), self.__dict__.get("http")):
            if isinstance(client, HttpClient | WebSocketClient):
                await client.close()

    async def _perform(self, journey: Callable[..., Awaitable[None]]) -> None:
        sweeping = asyncio.create_task(self._sweep())
        try:
            await journey(self)
        finally:
            sweeping.cancel()
            await self.close()

    async def _sweep(self) -> None:
        """Keep the deadlines of requests."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            self._sweeper.sweep(perf_counter())
