"""A service that the kernel kills in the middle of a load, for the memory that it may not have: as in a container."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "keeper"))
from keeper_lab import memory_groups_refused

KILLED = """
    from redis.asyncio import Redis
    from redis.exceptions import RedisError
    from pytest_roo_load import constant_users
    from pytest_roo_load.clients.ccs import CCS


    def test_redis_has_too_little(virtual_users, faults, redis):
        where = redis.url

        async def fill(user):
            conversation = await (await CCS(user).login()).create_conversation()
            store = Redis.from_url(where)
            async for number in user.iterations():
                await conversation.post("hello")
                try:
                    await store.set(f"value {number}", bytes(1_000_000))
                except RedisError:
                    pass
                await user.think(0.05)
            await store.aclose()

        little = faults.at("2 s").quota_memory("redis", spare="10 MB", duration="3 s")
        result = virtual_users.run(fill, constant_users(1, "9 s"), faults=little)
        assert result.recovery_time < 3


    def test_all_is_well_again(virtual_users):
        async def chat(user):
            conversation = await (await CCS(user).login()).create_conversation()
            async for _ in user.iterations():
                await conversation.post("hello")
                await user.think(0.05)

        assert virtual_users.run(chat, constant_users(1, "1 s")).error_rate == 0
"""


@pytest.mark.skipif(bool(memory_groups_refused()), reason=memory_groups_refused())
def test_a_service_that_is_killed_for_its_memory_is_no_crash(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=KILLED)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=200)
    if "not available here" in result.stdout.str():
        pytest.skip("the kernel lets us make no group of memory")
    result.assert_outcomes(passed=2)
    runs = [
        run
        for path in pytester.path.glob(".roo/runs/*/results/*.json")
        for run in json.loads(path.read_text(encoding="utf-8"))["runs"]
    ]
    (fault,) = [fault for run in runs for fault in run["faults"]]
    assert fault["killed"] == 1
    assert fault["ended_s"] >= 5
    assert fault["evidence"].startswith("1 process of redis may take 10 MB more; they took 10 MB of it at most; ")
    assert fault["evidence"].endswith("1 was killed by the kernel for it, and redis was started again")
    (page,) = pytester.path.glob(".roo/runs/*/report.html")
    assert fault["evidence"] in page.read_text(encoding="utf-8")
