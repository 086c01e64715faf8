"""Questions asked together: nobody waits for nothing, nobody gets an answer older than the question."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from pytest_roo_load.ccs.batch import Batch


class Oracle:
    """Answers each key with the number of the call, when it is let go."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.go = asyncio.Event()

    async def ask(self, keys: Sequence[str]) -> dict[str, int]:
        self.calls.append(list(keys))
        number = len(self.calls)
        await self.go.wait()
        if "bad" in keys:
            raise ValueError(f"call {number}")
        return {key: number for key in keys if key != "unknown"}


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_first_leaves_at_once_and_the_rest_together_when_it_is_back() -> None:
    async def scenario() -> None:
        oracle = Oracle()
        batch = Batch(oracle.ask)
        first = asyncio.create_task(batch.get("a"))
        await settle()
        rest = [asyncio.create_task(batch.get(key)) for key in ("a", "b", "unknown")]
        await settle()
        assert oracle.calls == [["a"]]
        assert repr(batch) == "<Batch of 3 questions>"
        oracle.go.set()
        assert await asyncio.gather(first, *rest) == [1, 2, 2, None]
        assert oracle.calls == [["a"], ["a", "b", "unknown"]]
        assert await batch.get("c") == 3

    asyncio.run(scenario())


def test_an_error_is_everybodys_who_asked_with_it_and_nobody_elses() -> None:
    async def scenario() -> None:
        oracle = Oracle()
        oracle.go.set()
        batch = Batch(oracle.ask)
        together = [asyncio.create_task(batch.get(key)) for key in ("a", "bad")]
        for task in together:
            with pytest.raises(ValueError, match="call 1"):
                await task
        assert await batch.get("a") == 2

    asyncio.run(scenario())


def test_one_who_gives_up_does_not_disturb_the_others() -> None:
    async def scenario() -> None:
        oracle = Oracle()
        batch = Batch(oracle.ask)
        gone, stays = asyncio.create_task(batch.get("a")), asyncio.create_task(batch.get("b"))
        await settle()
        gone.cancel()
        await settle()
        oracle.go.set()
        assert await stays == 1
        assert gone.cancelled()

    asyncio.run(scenario())
