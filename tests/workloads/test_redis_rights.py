"""The load on Redis by a user who may not do everything."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_py
from workload_lab import Outcome, stress

from pytest_roo_load.errors import UnexpectedAnswer, UsageError
from pytest_roo_load.session.stack import Service
from pytest_roo_load.workloads.choices import Pace
from pytest_roo_load.workloads.redis.connection import Address, connect
from pytest_roo_load.workloads.redis.journey import WORKLOADS
from pytest_roo_load.workloads.redis.pubsub import Subscriber
from pytest_roo_load.workloads.redis.settings import Choices
from pytest_roo_load.workloads.redis.workload import RedisWorkload


def load(url: str, name: str, folder: Path) -> Outcome:
    pace = Pace(clients=4, duration="30 s", count=200)
    return stress(RedisWorkload(name, url, Choices(keys=200), pace), folder)


@contextlib.contextmanager
def user_of(url: str, *rights: str) -> Iterator[str]:
    """The URL by which a user with these rights comes."""
    with redis_py.Redis.from_url(url) as found:
        found.execute_command("ACL", "SETUSER", "poor", "reset", "on", ">pw", *rights)
        try:
            yield url.replace("redis://", "redis://poor:pw@")
        finally:
            found.execute_command("ACL", "DELUSER", "poor")


@pytest.mark.parametrize("commands", [("+@all",), ("+@all", "-publish", "&roo:*"), ("+@all", "-subscribe", "&roo:*")])
def test_a_missing_right_to_channels_is_told_before_load(
    redis: Service, tmp_path: Path, commands: tuple[str, ...]
) -> None:
    with (
        user_of(redis.url, "~roo:*", "resetchannels", *commands) as url,
        pytest.raises(UsageError, match=r"NOPERM.*ACL SETUSER \.\.\. ~roo:\* &roo:\* \+@all"),
    ):
        load(url, "pubsub", tmp_path)


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_rights_that_are_asked_for_are_enough(redis: Service, tmp_path: Path, name: str) -> None:
    with user_of(redis.url, "resetchannels", "~roo:*", "&roo:*", "+@all") as url:
        outcome = load(url, name, tmp_path)

    assert (outcome.result.failed, outcome.broken) == (0, [])


def test_a_subscription_that_is_refused_is_told_with_the_refusal(redis: Service) -> None:
    async def subscribe(url: str) -> None:
        subscriber = Subscriber(await connect(Address.of(url)), "roo:load:refused")
        try:
            await subscriber.subscribe()
        finally:
            subscriber.close()

    with (
        user_of(redis.url, "~roo:*", "resetchannels", "+@all") as url,
        pytest.raises(UnexpectedAnswer, match="NOPERM") as told,
    ):
        asyncio.run(subscribe(url))

    assert told.value.kind == "NOPERM"
