"""The courier: to one device in order, to others meanwhile, and nothing that was put back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from test_ccs_lane import claimed

from pytest_roo_load.ccs.commands.command import Claimed
from pytest_roo_load.ccs.commands.courier import Courier
from pytest_roo_load.ccs.commands.lane import Lane


class Way:
    """Deliveries that take until they are told to end."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []
        self.ends: dict[tuple[str, str], asyncio.Future[bool]] = {}

    async def start(self, command: Claimed, device_id: str) -> bool:
        name = (command.id, device_id)
        self.begun.append(name)
        self.ends[name] = asyncio.get_running_loop().create_future()
        return await self.ends[name]

    async def end(self, command_id: str, device_id: str, *, arrived: bool = True) -> None:
        self.ends[command_id, device_id].set_result(arrived)
        await turns()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def busy_lane(*commands: Claimed) -> Lane:
    lane = Lane("u", 1, limit=10)
    for command in commands:
        lane.start(command, 0.0)
    return lane


def courier(way: Way, missed: Callable[[Lane, str], None]) -> Courier:
    return Courier(cast("Any", way), missed)


def give_up(lane: Lane, device_id: str) -> None:
    lane.gone(device_id, 0.0)


def test_one_device_gets_one_at_a_time_and_another_need_not_wait() -> None:
    async def scenario() -> None:
        way, commands = Way(), [claimed(1, executors=("a", "b")), claimed(2)]
        sending, lane = courier(way, give_up), busy_lane(*commands)
        for command in commands:
            for device in command.executors:
                sending.send(lane, command, device)
        await turns()
        assert way.begun == [("1", "a"), ("1", "b")]
        await way.end("1", "a")
        assert way.begun[2:] == [("2", "a")]
        await way.end("2", "a")
        await way.end("1", "b")
        assert repr(sending) == "<Courier with something for 0 devices>"

    asyncio.run(scenario())


def test_what_went_back_to_the_queue_is_not_sent() -> None:
    async def scenario() -> None:
        way, commands = Way(), [claimed(1), claimed(2)]
        sending, lane = courier(way, give_up), busy_lane(*commands)
        for command in commands:
            sending.send(lane, command, "a")
        await turns()
        await way.end("1", "a", arrived=False)
        assert way.begun == [("1", "a")]
        assert lane.offline == {"a"}

    asyncio.run(scenario())


def test_news_of_a_way_that_is_over_tells_nothing_of_the_device() -> None:
    async def scenario() -> None:
        way, command = Way(), claimed(1)
        sending, lane = courier(way, give_up), busy_lane(command)
        sending.send(lane, command, "a")
        await turns()
        lane.back("a")
        await way.end("1", "a", arrived=False)
        assert lane.offline == set()

    asyncio.run(scenario())


def test_a_stop_ends_what_is_on_its_way() -> None:
    async def scenario() -> None:
        way, command = Way(), claimed(1)
        sending, lane = courier(way, give_up), busy_lane(command)
        sending.send(lane, command, "a")
        await turns()
        await sending.stop()
        assert way.ends["1", "a"].cancelled()

    asyncio.run(scenario())
