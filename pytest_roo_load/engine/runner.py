"""Performs one `run()`: splits it over a fleet, follows it, and makes the result."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from pytest_roo_load.core.early_end import EarlyEnd, EndWatch
from pytest_roo_load.core.faults.fault import FaultRecord
from pytest_roo_load.core.faults.overload import overloads
from pytest_roo_load.core.ports import Injector, Probe, Snapshots
from pytest_roo_load.core.profiles.plan import STEADY, Plan
from pytest_roo_load.core.recording import Recording
from pytest_roo_load.core.result import Result, result_of
from pytest_roo_load.core.sla.objective import Objective
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.engine.fleet.strategy import Fleet
from pytest_roo_load.engine.meter import Meter
from pytest_roo_load.engine.shard import Outcome, Shard
from pytest_roo_load.engine.spans import spans_of
from pytest_roo_load.engine.spool import Spool, Timeline
from pytest_roo_load.errors import GeneratorError, UsageError

__all__ = ["Load", "perform"]

_LOOK_S = 0.1
_EARLY_S = 0.02  # by which timers may go off early
_STEERED_AHEAD_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Everything that one `run()` needs.

    Attributes:
        shard: The whole load; the fleet splits it.
        fleet: Who generates it.
        probe: Given the generators' processes, makes what looks at all processes.
        live: The file that gets a line per second.
        objectives: What is asked of the result.
        early_end: When to end before the planned end.
        injector: What breaks things while the load runs; None when nothing is broken.
        snapshots: Taken where the steady phase begins and where it ends; None for none.
        given_up: Whether whoever asked for the load has gone away meanwhile; looked at ten times a second.
    """

    shard: Shard
    fleet: Fleet
    probe: Callable[[tuple[int, ...]], Probe]
    live: Path
    objectives: tuple[Objective, ...] = ()
    early_end: EarlyEnd = field(default_factory=EarlyEnd)
    injector: Injector | None = None
    snapshots: Snapshots | None = None
    given_up: Callable[[], bool] = field(default=lambda: False)


def perform(load: Load) -> tuple[Result, tuple[float, float]]:
    """Generate the load and wait for its end; the result, and when it began and ended on `time.perf_counter`.

    Raises:
        UsageError: Called while an event loop runs in this thread, or a journey came to what can never work.
        GeneratorError: A generator died, or the load was given up.
    """
    if _is_inside_a_loop():
        raise UsageError(
            "run() was called inside an event loop", value="async test", allowed="a test function that is not async"
        )
    # asyncio's own loop, not uvloop: what a signal handler raises (pytest-timeout's, say) comes out of it.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(_Follower(load).follow())


def _is_inside_a_loop() -> bool:
    """Asked before the run, not around it: what a journey raises must not get this question's error as its context."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Follower:
    """Merges what generators report, second by second, and looks at the processes meanwhile."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._plan = load.shard.plan
        self._meter = Meter()
        self._spool = Spool(load.live)
        self._pending: dict[int, tuple[Second, int]] = {}
        self._start = 0.0
        self._probe: Probe | None = None
        self._watching: tuple[asyncio.Task[None], ...] = ()
        self._over = asyncio.Event()
        self._end_watch = EndWatch(load.early_end)
        self._ended_early = ""
        self._steering = self._plan.arrivals.steering if self._plan.arrivals else None
        self._rate = self._steering.start if self._steering else 0.0
        self._recent: deque[Second] = deque(maxlen=self._steering.window if self._steering else 1)
        self._faults: tuple[FaultRecord, ...] = ()

    def __repr__(self) -> str:
        return f"<_Follower with {len(self._pending)} seconds pending>"

    async def follow(self) -> tuple[Result, tuple[float, float]]:
        """Perform the load; the result, and its begin and end on the clock of `perf_counter`."""
        with self._spool:
            try:
                outcomes = await self._unless_given_up(self._load.fleet.perform(self._load.shard, self))
                self._write_the_rest()
            finally:
                self._faults = await self._end_faults()
                for task in self._watching:
                    task.cancel()
                if self._load.snapshots is not None:
                    await asyncio.get_running_loop().run_in_executor(None, self._load.snapshots.end)
        return self._result(outcomes), (self._start, perf_counter())

    async def _unless_given_up(self, performing: Coroutine[Any, Any, list[Outcome]]) -> list[Outcome]:
        task = asyncio.create_task(performing)
        try:
            while not (await asyncio.wait({task}, timeout=_LOOK_S))[0]:
                if self._load.given_up():
                    raise GeneratorError("the run was stopped while this load was generated")
            return task.result()
        finally:
            task.cancel()
            await asyncio.wait({task})

    def started(self, start: float, pids: tuple[int, ...]) -> None:
        """Part of `Observer`."""
        self._start = start
        if self._load.injector is not None:
            self._load.injector.begin(start)
        self._probe = self._load.probe(pids)
        self._watching = tuple(asyncio.create_task(watch) for watch in (self._keep_looking(), self._take_snapshots()))

    def second(self, generator: str, second: Second) -> None:
        """Part of `Observer`: a second is written when every generator has reported it."""
        del generator
        merged, reports = self._pending.get(second.t, (None, 0))
        if merged is None:
            merged = second
        else:
            merged.merge(second)
        self._pending[second.t] = merged, reports + 1
        if reports + 1 == len(self._load.fleet.names):
            self._write(second.t)

    def _write(self, t: int) -> None:
        second, _ = self._pending.pop(t)
        second.resources, second.looked_s = self._meter.latest, self._meter.looked_s
        self._spool.write(second)
        self._steer(second)
        end_s = t + 1
        # Whole seconds of a load that goes on: the last one is not whole, and what is over cannot end early.
        whole = end_s - _EARLY_S <= perf_counter() - self._start
        if not whole or end_s >= self._plan.duration_s or self._over.is_set():
            return
        reason = self._end_watch.observe(second)
        if reason and not self._ended_early:
            self._ended_early = reason
            self._load.fleet.stop()

    def _steer(self, second: Second) -> None:
        """Where the rate follows what is measured: decide it anew, for a moment that no generator has reached yet."""
        from_s = second.t + 1 + _STEERED_AHEAD_S
        if self._steering is None or self._ended_early or from_s >= self._plan.duration_s:
            return
        self._recent.append(second)
        if len(self._recent) == self._recent.maxlen:
            self._rate = self._steering.next_rate(self._rate, self._recent)
            self._load.fleet.steer(from_s, self._rate)

    def _write_the_rest(self) -> None:
        """The last seconds, when some generators had come to their end earlier than others."""
        for t in sorted(self._pending):
            self._write(t)

    async def ended(self, ended_s: float) -> None:
        """Part of `Observer`: the last look is at the planned end, or now when the load has ended before."""
        if ended_s < self._plan.duration_s:
            self._over.set()
        await asyncio.gather(*self._watching)

    async def _end_faults(self) -> tuple[FaultRecord, ...]:
        if self._load.injector is None:
            return ()
        return await asyncio.get_running_loop().run_in_executor(None, self._load.injector.end)

    async def _keep_looking(self) -> None:
        """At every whole second of the load, and where the steady phase begins and ends."""
        edges = {edge for phase in self._plan.steady_phases for edge in (phase.start_s, phase.end_s)}
        for moment in sorted(edges | set(range(int(self._plan.duration_s) + 1))):
            if await self._is_over_before(moment):
                await self._look(steady=self._is_steady_at(perf_counter() - self._start))
                return
            await self._look(steady=self._is_steady_at(moment))

    async def _take_snapshots(self) -> None:
        """Where the first steady phase begins and where the last one ends, or the load before that."""
        steady, snapshots = self._plan.steady_phases, self._load.snapshots
        if snapshots is None or not steady:
            return
        await asyncio.get_running_loop().run_in_executor(None, snapshots.begin)
        for moment in (steady[0].start_s, steady[-1].end_s):
            await self._is_over_before(moment)
            at_s = perf_counter() - self._start
            await asyncio.get_running_loop().run_in_executor(None, snapshots.take, at_s)

    async def _is_over_before(self, moment: float) -> bool:
        try:
            async with asyncio.timeout(max(0.0, self._start + moment - perf_counter())):
                return await self._over.wait()
        except TimeoutError:
            return False

    async def _look(self, *, steady: bool) -> None:
        if self._probe is None:
            return
        uses = await asyncio.get_running_loop().run_in_executor(None, self._probe.sample)
        self._meter.look(perf_counter() - self._start, uses, steady=steady)

    def _is_steady_at(self, moment: float) -> bool:
        return any(phase.start_s <= moment <= phase.end_s for phase in self._plan.steady_phases)

    def _result(self, outcomes: list[Outcome]) -> Result:
        recording = Recording()
        for outcome in outcomes:
            recording.merge(outcome.recording)
        health = tuple(outcome.health for outcome in outcomes)
        ended_s = max(outcome.ended_s for outcome in outcomes)
        spans = spans_of(self._plan, outcomes)
        return result_of(
            recording,
            spans,
            resources=self._meter.summary(),
            generators=health,
            problems=tuple(problem for one in health for problem in one.problems()),
            timeline=Timeline(self._load.live),
            objectives=self._load.objectives,
            ended_early=self._ended_early or _missing(self._plan, recording, ended_s),
            lost=(*self._lost(), *(record.misfire for record in self._faults if record.misfire)),
            allocations={} if self._load.snapshots is None else self._load.snapshots.growth(),
            faults=(*self._faults, *overloads(spans)),
        )

    def _lost(self) -> tuple[str, ...]:
        injector = self._load.injector
        return self._meter.lost(but=frozenset() if injector is None else injector.may_end)


def _missing(plan: Plan, recording: Recording, ended_s: float) -> str:
    """That time was over before a number of iterations was done; empty when it was not, or none was asked for."""
    done = recording.phase(STEADY).iterations
    if plan.quota is None or done >= plan.quota or ended_s < plan.duration_s:
        return ""
    given_s = sum(phase.end_s - phase.start_s for phase in plan.steady_phases)
    return f"only {done:,} of {plan.quota:,} iterations were done in the {given_s:g} s that they were given"
