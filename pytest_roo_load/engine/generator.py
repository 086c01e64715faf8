"""One generator: performs its share of a load and reports every second."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter

from pytest_roo_load.clients.http.names import RouteNames
from pytest_roo_load.clients.sweeper import INTERVAL_S, Sweeper
from pytest_roo_load.core.mix import assign
from pytest_roo_load.core.profiles import Phase, ahead_of, is_steady
from pytest_roo_load.core.recording import arrival_shares
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.core.validity import Health
from pytest_roo_load.engine.closed import ClosedDriver
from pytest_roo_load.engine.garbage import rarely_collected
from pytest_roo_load.engine.journeys import unpack
from pytest_roo_load.engine.open import ArrivalTurns, OpenDriver
from pytest_roo_load.engine.pause import Pauses
from pytest_roo_load.engine.performance import Journey
from pytest_roo_load.engine.quota import Quota, share_of
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.engine.self_watch import SelfWatch
from pytest_roo_load.engine.shard import Outcome, Shard
from pytest_roo_load.engine.turns import ClosedTurns, Turns
from pytest_roo_load.engine.user import Surroundings
from pytest_roo_load.errors import UsageError

__all__ = ["AFTERMATH", "Generator"]

AFTERMATH = "graceful_stop"
_TIMER_S = 0.001  # by which a timer may go off early
_HELD_UP_S = 0.1  # without a look at the time: longer than any pause between two


class Generator:
    """Performs one shard.

    Args:
        shard: What to do.
        emit: Called once for every second of the load, in order.
    """

    def __init__(self, shard: Shard, emit: Callable[[Second], None]) -> None:
        self._shard = shard
        self._emit = emit
        self._plan = shard.plan
        self._recorder = PhaseRecorder(self._plan.phases[0].name)
        self._sweeper = Sweeper()
        self._pauses = Pauses()
        self._quota = Quota(share_of(shard.plan.quota, shard.index, shard.generators))
        self._watch = SelfWatch(shard.name)
        self._next_second = 0
        self._stopped = asyncio.Event()
        self._switched_s: list[float] = []
        self._mistake: UsageError | None = None
        self._open: OpenDriver | None = None
        self._journeys = self._by_user(unpack(shard.journeys))

    def __repr__(self) -> str:
        return f"<Generator {self._shard.name} of {self._shard.generators}, second {self._next_second}>"

    def _by_user(self, journeys: Sequence[Journey]) -> list[Journey]:
        return [journeys[index] for index in assign(self._shard.weights, self._plan.peak_users)]

    async def run(self, start: float) -> Outcome:
        """Perform the load, which begins at `start` on the clock of `time.perf_counter`.

        Raises:
            UsageError: A journey came to what can never work; the load ended at once.
        """
        with rarely_collected():
            await asyncio.sleep(max(0.0, start - perf_counter()))
            health, ended_s = await self._perform(start)
        self._collect_until(math.ceil(perf_counter() - start))
        recording = self._recorder.recording
        recording.hide(self._secrets)
        behind, dropped = arrival_shares(recording)
        health = replace(health, behind=behind, dropped=dropped)
        return Outcome(recording=recording, health=health, ended_s=ended_s, switched_s=tuple(self._switched_s))

    async def _perform(self, start: float) -> tuple[Health, float]:
        """From the first user's start to the last one's end; how the generator was, and when the load ended."""
        driver = self._driver()
        ticking = asyncio.create_task(self._tick())
        reporting = asyncio.create_task(self._report(start))
        driving = asyncio.create_task(driver.drive(start))
        try:
            ended_s = await self._phases(start, driver, asyncio.create_task(self._over(driving)))
            self._raise_mistake()
            health = self._watch.end()
            await driver.end(ended_s)
            self._end_load(start)
            await asyncio.wait({driving}, timeout=self._plan.graceful_stop_s)
            self._raise_mistake()
        finally:
            driving.cancel()
            await driver.interrupt()
            ticking.cancel()
            reporting.cancel()
        return health, ended_s

    def stop(self) -> None:
        """End the load now, before its planned end."""
        self._stopped.set()

    @property
    def _secrets(self) -> list[str]:
        return [secret for one in self._shard.accounts for secret in one.secrets]

    def _give_up(self, mistake: UsageError) -> None:
        if any(secret in str(mistake.value) for secret in self._secrets):
            mistake.value = "***"
        self._mistake = self._mistake or mistake
        self._stopped.set()

    def _raise_mistake(self) -> None:
        if self._mistake is not None:
            raise self._mistake

    def steer(self, from_s: float, rate: float) -> None:
        """From a second of the load on, all generators together begin so many iterations a second."""
        if self._open is not None:
            self._open.steer(from_s, rate)

    async def _over(self, driving: asyncio.Task[None]) -> None:
        """Wait until every user has come to its end, or `stop`."""
        stopping = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait({driving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    def _driver(self) -> ClosedDriver | OpenDriver:
        share = self._shard.index, self._shard.generators
        if self._plan.arrivals is None:
            around = self._surroundings(ClosedTurns(self._quota))
            return ClosedDriver(self._plan, share, around, self._quota, self._journeys)
        ahead = ahead_of(self._plan.arrivals, self._shard.seed, share, self._plan.duration_s)
        self._open = OpenDriver(self._plan.arrivals, ahead, share, self._surroundings(ArrivalTurns()), self._journeys)
        return self._open

    def _surroundings(self, turns: Turns) -> Surroundings:
        return Surroundings(
            run=self._shard.run,
            seed=self._shard.seed,
            target=self._shard.target,
            target_ws=self._shard.target_ws,
            accounts=self._shard.accounts,
            recorder=self._recorder,
            sweeper=self._sweeper,
            names=RouteNames(),
            pauses=self._pauses,
            turns=turns,
            users=self._plan.peak_users,
            give_up=self._give_up,
        )

    async def _phases(self, start: float, driver: ClosedDriver | OpenDriver, over: asyncio.Task[None]) -> float:
        """Go through the phases; when the load ended, which is not before the plan because a timer came early."""
        for phase in self._plan.phases:
            driver.begin(phase)
            self._begin(phase)
            self._switched_s.append(perf_counter() - start)
            await asyncio.wait({over}, timeout=max(0.0, start + phase.end_s - perf_counter()))
            if over.done():
                return perf_counter() - start
        over.cancel()
        return max(perf_counter() - start, self._plan.phases[-1].end_s)

    def _begin(self, phase: Phase) -> None:
        if phase is not self._plan.phases[0]:
            self._collect_until(math.floor(phase.start_s))
            self._recorder.switch(phase.name, broken=phase.broken)
        if is_steady(phase.name) and not self._watch.watching:
            self._quota.count_from_now()
        self._watch.phase(steady=is_steady(phase.name))

    def _end_load(self, start: float) -> None:
        self._recorder.switch(AFTERMATH)
        self._switched_s.append(perf_counter() - start)
        self._pauses.end()

    async def _tick(self) -> None:
        """Sweep, and look how late it is and what is in flight, 20 times a second."""
        draw, due = random.Random(self._shard.seed), perf_counter()
        looked = due
        self._recorder.breathless = due + _HELD_UP_S
        while True:
            # Not at even distances: arrivals are, and whoever keeps step with them sees the same moment every time.
            due = max(due + INTERVAL_S * draw.uniform(0.5, 1.5), perf_counter())
            await asyncio.sleep(due - perf_counter())
            now = perf_counter()
            self._watch.late(now - due)
            self._recorder.look(now - looked)
            self._recorder.breathless = now + _HELD_UP_S
            looked = now
            self._sweeper.sweep(now)

    async def _report(self, start: float) -> None:
        """Report each second as soon as it is over."""
        while True:
            await asyncio.sleep(start + self._next_second + 1 + _TIMER_S - perf_counter())
            self._collect_until(math.floor(perf_counter() - start))

    def _collect_until(self, second: int) -> None:
        """Report every second before `second` that has not been reported."""
        while self._next_second < second:
            phase = self._plan.phase_at(self._next_second)
            self._emit(self._recorder.collect(self._next_second, phase))
            self._next_second += 1
