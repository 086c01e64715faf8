"""A generator in another process, or on another thread, as whoever leads a run sees it: through a wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter

from pytest_roo_load.engine.fleet.strategy import Observer
from pytest_roo_load.engine.fleet.wire import Done, Failed, Go, Ready, Report, Steer, Stop, Wire
from pytest_roo_load.engine.outcomes import unpack_outcome
from pytest_roo_load.engine.shard import Outcome
from pytest_roo_load.errors import GeneratorError

__all__ = ["Remote", "lead"]

_READY_S = 60.0
_HEAD_START_S = 0.05
_HEAD_START_EACH_S = 0.01


class Remote:
    """One generator that has been sent its shard.

    Args:
        name: The generator's name.
        wire: The way to it.
        end: Tells how its process ended, once the wire says that it has.
    """

    def __init__(self, name: str, wire: Wire, end: Callable[[], str] = lambda: "") -> None:
        self.name = name
        self.pid: int | None = None
        self._wire = wire
        self._end = end

    def __repr__(self) -> str:
        return f"<Remote {self._shown}, {self._wire!r}>"

    @property
    def _shown(self) -> str:
        return self.name if self.pid is None else f"{self.name} (process {self.pid})"

    async def expect_ready(self) -> None:
        """Wait until it has loaded the journeys.

        Raises:
            GeneratorError: It could not, died, or took too long.
        """
        try:
            async with asyncio.timeout(_READY_S):
                ready = await self._receive()
        except TimeoutError:
            raise GeneratorError(f"generator {self._shown} was not ready within {_READY_S:.0f} s") from None
        assert isinstance(ready, Ready)
        self.pid = ready.pid

    def go(self, start: float) -> None:
        """Let the load begin at this moment of `time.perf_counter`."""
        self._wire.send(Go(start))

    def stop(self) -> None:
        """End the load now, before its planned end."""
        self._wire.send(Stop())

    def steer(self, from_s: float, rate: float) -> None:
        """From a second of the load on, all generators together have so many arrivals a second."""
        self._wire.send(Steer(from_s, rate))

    async def outcome(self, observer: Observer) -> Outcome:
        """Pass on every second, and wait for the end.

        Raises:
            GeneratorError: It died or could not go on.
            UsageError: A journey came to what can never work, or recorded what cannot travel.
        """
        while True:
            match await self._receive():
                case Report(second):
                    observer.second(self.name, second)
                case Done(outcome):
                    return unpack_outcome(outcome)
                case _:
                    raise GeneratorError(f"generator {self._shown} sent something unexpected")

    async def _receive(self) -> Ready | Report | Done:
        try:
            message = await self._wire.receive()
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise GeneratorError(
                f"generator {self._shown} died{self._end()}; what it had measured is lost, so the run is invalid"
            ) from error
        if isinstance(message, Failed):
            if message.mistake is not None:
                raise message.mistake
            raise GeneratorError(f"generator {self._shown} could not go on:\n{message.text}")
        assert isinstance(message, Ready | Report | Done)
        return message


async def lead(remotes: Sequence[Remote], observer: Observer) -> list[Outcome]:
    """Start generators together when all are ready, and follow them to their end.

    Raises:
        GeneratorError: One of them died or could not begin.
        UsageError: A journey came to what can never work.
    """
    await asyncio.gather(*(remote.expect_ready() for remote in remotes))
    start = perf_counter() + _HEAD_START_S + _HEAD_START_EACH_S * len(remotes)
    for remote in remotes:
        remote.go(start)
    observer.started(start, tuple(remote.pid for remote in remotes if remote.pid is not None))
    outcomes = await asyncio.gather(*(remote.outcome(observer) for remote in remotes))
    await observer.ended(max(outcome.ended_s for outcome in outcomes))
    return outcomes
