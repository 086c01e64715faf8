"""A ready-made workload performed without pytest: prepared, loaded, examined and cleaned up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine_lab import load_of

from pytest_roo_load.core.consistency.finding import Finding
from pytest_roo_load.core.result import Result
from pytest_roo_load.engine.fleet.inline import InlineFleet
from pytest_roo_load.engine.fleet.strategy import Fleet
from pytest_roo_load.engine.runner import perform
from pytest_roo_load.workloads.background import Background
from pytest_roo_load.workloads.workload import Examined, Measured, Workload


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was measured, and what was said besides."""

    result: Result
    examined: Examined

    def fact(self, name: str) -> float:
        (value,) = [fact.value for fact in self.examined.facts if fact.name == name]
        assert isinstance(value, int | float)
        return float(value)

    @property
    def broken(self) -> list[Finding]:
        return [finding for finding in self.examined.findings if finding.broken]


def stress(
    workload: Workload,
    folder: Path,
    *,
    fleet: Callable[[], Fleet] = InlineFleet,
    target: str | None = None,
    before_examining: Callable[[Background], None] = lambda _: None,
) -> Outcome:
    """Perform a workload."""
    with Background() as background:
        try:
            background.run(workload.prepare())
            watching = background.start(workload.watch())
            load = load_of(workload.journeys(), workload.profile, fleet(), folder / "live.ndjson", target)
            result, (began, ended) = perform(load)
            watching.cancel()
            before_examining(background)
            measured = Measured(result=result, began=began, ended=ended)
            return Outcome(result=result, examined=background.run(workload.examine(measured)))
        finally:
            background.run(workload.clean_up())


@contextmanager
def in_thread(serve: Callable[[threading.Event, asyncio.Event], Coroutine[Any, Any, None]]) -> Iterator[None]:
    """What says when it is ready, and serves until it is told to stop, on an event loop in a thread of its own."""
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(ready, stop),))
    thread.start()
    try:
        assert ready.wait(10)
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
