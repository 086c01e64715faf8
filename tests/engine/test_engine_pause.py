"""Pauses that end when they are over, when their user is woken, and at the end of the load."""

from __future__ import annotations

import asyncio

from pytest_roo_load.engine.pause import Pauses


def test_pauses_of_one_user_at_once_end_each_in_its_time() -> None:
    async def main() -> tuple[list[str], str]:
        pauses, order = Pauses(), list[str]()

        async def pause(name: str, length_s: float) -> None:
            await pauses.pause(length_s, "a user")
            order.append(name)

        await asyncio.gather(pause("long", 0.05), pause("short", 0.01), pause("longest", 0.09))
        return order, repr(pauses)

    assert asyncio.run(main()) == (["short", "long", "longest"], "<Pauses open, 0 waiting>")


def test_waking_a_user_ends_all_its_pauses_and_no_other() -> None:
    async def main() -> list[bool]:
        pauses = Pauses()
        thinking = [asyncio.create_task(pauses.pause(3600, who)) for who in ("ada", "ada", "ada", "bob", None)]
        await asyncio.sleep(0)
        thinking[1].cancel()
        await asyncio.sleep(0)
        pauses.wake("ada")
        await asyncio.wait({thinking[0], thinking[2]}, timeout=5)
        done = [task.done() for task in thinking]
        pauses.end()
        await asyncio.gather(thinking[3], thinking[4])
        pauses.wake("ada")
        return done

    assert asyncio.run(main()) == [True, True, True, False, False]
