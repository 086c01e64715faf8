"""What an instance tells the others of a device that leaves."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self

import pytest
from test_ccs_hub import Guest

from pytest_roo_load.ccs.sessions import Identity
from pytest_roo_load.ccs.websocket.hub import Hub, Patience
from pytest_roo_load.ccs.websocket.relay import Relay


class Redis:
    """Knows one device's place; remembers what was published."""

    def __init__(self, *, mine: bool) -> None:
        self.mine = mine
        self.said: list[dict[str, Any]] = []
        self.put: list[tuple[Any, ...]] = []

    async def eval(self, *_: Any) -> int:
        return int(self.mine)

    async def publish(self, _channel: str, message: str) -> int:
        self.said.append(json.loads(message))
        return 1

    def pipeline(self, **_: Any) -> Redis:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def hget(self, *_: Any) -> None:
        pass

    def expire(self, *_: Any) -> None:
        pass

    def hset(self, *values: Any) -> None:
        self.put.append(values)

    async def execute(self) -> list[Any]:
        return [None]


GONE = Identity(user_id="u", session_id="s", device_id="d")


@pytest.fixture
def hub() -> Hub:
    return Hub(limit=2, patience=Patience(register_s=1, ping_s=1, silence_s=1))


def leave(hub: Hub, redis: Any) -> None:
    asyncio.run(Relay(redis, hub, "one").leave(GONE))


def test_a_device_that_has_gone_is_announced(hub: Hub) -> None:
    redis = Redis(mine=True)
    leave(hub, redis)
    assert [(told["kind"], told["device"], told["online"]) for told in redis.said] == [("moved", "d", False)]


def test_a_device_that_is_at_another_instance_by_now_has_not_gone(hub: Hub) -> None:
    redis = Redis(mine=False)
    leave(hub, redis)
    assert redis.said == []


def test_a_device_that_has_come_back_has_not_gone_and_can_be_found(hub: Hub) -> None:
    redis = Redis(mine=True)
    Guest(hub).register("d")
    leave(hub, redis)
    assert redis.said == []
    assert [(device, place) for _, device, place in redis.put] == [("d", "one")]
