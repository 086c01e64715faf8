"""What the tests of the clients share: a loop that tolerates no lost error, and what a recorder has counted."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, TypeVar

import uvloop

from pytest_roo_load.engine.recorder import PhaseRecorder

T = TypeVar("T")

GUARD_S = 20.0


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run on the loop that generators use; an error that nobody retrieved, or a hang, fails the test."""
    troubles: list[dict[str, Any]] = []

    async def guarded() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: troubles.append(context))
        async with asyncio.timeout(GUARD_S):
            result = await main
        gc.collect()
        return result

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(guarded())
        runner.run(asyncio.sleep(0))
    assert not troubles
    return result


async def until(predicate: Callable[[], object]) -> None:
    """Let the loop go on until something is the case."""
    deadline = monotonic() + GUARD_S / 2
    while not predicate():
        assert monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0)


def counted(recorder: PhaseRecorder) -> dict[str, tuple[int, dict[str, int], int]]:
    """Operation → successes, failures by kind, and how many have no outcome."""
    recorder.collect(0, recorder.phase)
    operations = recorder.recording.phases[recorder.phase].operations
    return {
        name: (tally.ok.count, {kind: error.count for kind, error in tally.errors.items()}, tally.interrupted)
        for name, tally in operations.items()
    }


def groups(recorder: PhaseRecorder) -> dict[str, int]:
    """Group → successes."""
    recorder.collect(0, recorder.phase)
    return {name: tally.ok.count for name, tally in recorder.recording.phases[recorder.phase].groups.items()}
