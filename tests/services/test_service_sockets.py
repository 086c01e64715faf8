"""What the kernel does to the sockets of a real Redis, seen by its client; skipped where the kernel does not let us."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_library

from pytest_roo_load.core.faults.schedule import Schedule
from pytest_roo_load.keeper.client import Keeper
from pytest_roo_load.keeper.launch import DEFAULT_RECIPES

sys.path.insert(0, str(Path(__file__).parents[1] / "keeper"))
from keeper_lab import eventually, new_run


@pytest.fixture(scope="module")
def keeper() -> Iterator[Keeper]:
    with new_run(DEFAULT_RECIPES) as run:
        client = run.client()
        client.ensure("redis")
        yield client


@pytest.fixture
def redis(keeper: Keeper) -> Iterator[redis_library.Redis]:
    with redis_library.Redis.from_url(keeper.ensure("redis").url, socket_timeout=20) as client:
        client.ping()
        yield client
    keeper.end_faults()


def begin(keeper: Keeper, schedule: Schedule) -> str:
    """How it was seen; skips the test where the kernel does not let us."""
    keeper.begin_faults(time.monotonic(), schedule.faults)
    assert eventually(lambda: keeper.faults()[0].evidence or keeper.faults()[0].problem)
    record = keeper.faults()[0]
    if "not available here" in record.problem:
        pytest.skip(record.problem)
    assert not record.misfire
    return record.evidence


def slow_answers(redis: redis_library.Redis, number: int) -> int:
    """How many of so many answers took as long as a packet that is sent again."""
    slow = 0
    for _ in range(number):
        began = time.monotonic()
        redis.ping()
        slow += time.monotonic() - began > 0.15
    return slow


def test_packets_are_lost(keeper: Keeper, redis: redis_library.Redis) -> None:
    assert begin(keeper, Schedule().at(0).drop_packets("redis", rate="30 %")).endswith("lose 30.0% of what comes in")
    assert slow_answers(redis, 40) >= 3  # 12 are expected; fewer than 3 come once in 3,000 runs
    keeper.end_faults()
    assert slow_answers(redis, 40) <= 2


def test_new_connections_lose_packets_too(keeper: Keeper, redis: redis_library.Redis) -> None:
    begin(keeper, Schedule().at(0).drop_packets("redis", rate="100 %"))
    with redis_library.Redis.from_url(keeper.ensure("redis").url, socket_connect_timeout=0.3) as new:
        with pytest.raises(redis_library.TimeoutError):
            new.ping()
        keeper.end_faults()
        assert new.ping()
    assert redis.ping()


def test_a_pace(keeper: Keeper, redis: redis_library.Redis) -> None:
    redis.set("large", bytes(2_000_000))

    def seconds() -> float:
        began = time.monotonic()
        assert len(redis.get("large") or b"") == 2_000_000
        return time.monotonic() - began

    begin(keeper, Schedule().at(0).pace("redis", rate="2 MB"))
    assert seconds() > 0.5
    keeper.end_faults()
    assert seconds() < 0.5


def test_connections_are_reset(keeper: Keeper, redis: redis_library.Redis) -> None:
    with redis_library.Redis.from_url(keeper.ensure("redis").url, retry=None, single_connection_client=True) as one:
        assert one.ping()
        assert begin(keeper, Schedule().at(0).break_connections("redis")).endswith("were reset")
        with pytest.raises(redis_library.ConnectionError):
            one.ping()
    keeper.end_faults()
    assert redis.ping()
