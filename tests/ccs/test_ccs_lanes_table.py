"""Lanes in the table: one worker at a time, fences, and nothing that gets stuck."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from server_lab import new_database

from pytest_roo_load.ccs.commands.command import Claimed, Effect, Outcome
from pytest_roo_load.ccs.data import lanes as table
from pytest_roo_load.ccs.data.commands import CommandForm, queue_commands
from pytest_roo_load.ccs.database import Database

LEASE_S = 60.0
Scenario = Callable[[Database, str], Awaitable[None]]


def with_a_user(postgres: Any, scenario: Scenario) -> None:
    async def run() -> None:
        async with new_database(postgres.url) as url:
            database = await Database.connect(url, 4)
            try:
                add = "INSERT INTO users (email, password_hash) VALUES ('a@example.org', '') RETURNING id::text"
                await scenario(database, await database.value(add))
            finally:
                await database.close()

    asyncio.run(run())


async def queue(database: Database, user_id: str, count: int) -> list[str]:
    forms = [
        CommandForm(type="custom", priority=1, targets=(), payload="{}", config="{}", idempotency_key=None)
        for _ in range(count)
    ]
    return list((await queue_commands(database, user_id, forms, longest=100)).ids)


async def take(database: Database, worker: str, user_id: str) -> dict[str, int]:
    await table.seen(database, worker)
    return await table.take_lanes(database, worker, [user_id], LEASE_S)


async def claim(database: Database, user_id: str, fence: int, room: int = 10) -> list[Claimed]:
    wanted = table.Wanted(user_id=user_id, fence=fence, room=room)
    return sorted(await table.claim(database, [wanted], []), key=lambda command: command.sequence)


async def states(database: Database) -> list[str]:
    return [row[0] for row in await database.rows("SELECT state FROM commands ORDER BY sequence")]


def done(command: Claimed) -> Outcome:
    effects = (Effect(executor="server", result="{}"),)
    return Outcome(command_id=command.id, state="completed", attempts=command.attempt, effects=effects)


def test_a_lane_belongs_to_one_living_worker(postgres: Any) -> None:
    async def scenario(database: Database, user: str) -> None:
        await queue(database, user, 3)
        assert await take(database, "one", user) == {user: 1}
        assert await take(database, "two", user) == {}
        assert await table.abandoned_lanes(database, LEASE_S) == []
        await database.execute("UPDATE command_workers SET seen_at = now() - interval '1 hour' WHERE worker = 'one'")
        assert await table.abandoned_lanes(database, LEASE_S) == [user]
        assert await take(database, "two", user) == {user: 2}
        assert await table.held(database, "two") == {user: 2}

    with_a_user(postgres, scenario)


def test_a_worker_that_comes_back_from_the_dead_changes_nothing(postgres: Any) -> None:
    async def scenario(database: Database, user: str) -> None:
        await queue(database, user, 3)
        (fence,) = (await take(database, "one", user)).values()
        late = await claim(database, user, fence, 2)
        await database.execute("UPDATE command_workers SET seen_at = now() - interval '1 hour'")
        (newer,) = (await take(database, "two", user)).values()
        assert await claim(database, user, fence) == []
        again = await claim(database, user, newer)
        assert [command.id for command in again][:2] == [command.id for command in late]
        assert [command.attempt for command in again] == [1, 1, 1]
        await table.record(database, [(fence, done(command)) for command in late])
        assert await states(database) == ["routing"] * 3
        await table.record(database, [(newer, done(command)) for command in again])
        await table.record(database, [(newer, done(command)) for command in again])
        assert await states(database) == ["completed"] * 3
        assert await database.value("SELECT count(*) FROM command_effects") == 3

    with_a_user(postgres, scenario)


def test_a_claim_whose_answer_was_lost_is_put_back(postgres: Any) -> None:
    async def scenario(database: Database, user: str) -> None:
        await queue(database, user, 3)
        (fence,) = (await take(database, "one", user)).values()
        known, _ = await claim(database, user, fence, 2)
        await table.put_back_unknown(database, {user: fence}, [known.id])
        assert await states(database) == ["routing", "queued", "queued"]
        assert [command.attempt for command in await claim(database, user, fence)] == [1, 1]

    with_a_user(postgres, scenario)


def test_a_take_whose_answer_was_lost_can_be_repeated(postgres: Any) -> None:
    async def scenario(database: Database, user: str) -> None:
        await queue(database, user, 1)
        assert await take(database, "one", user) == {user: 1}
        assert await take(database, "one", user) == {user: 2}

    with_a_user(postgres, scenario)


def test_a_lane_is_released_only_when_nothing_is_left_or_arrives(postgres: Any) -> None:
    async def scenario(database: Database, user: str) -> None:
        await queue(database, user, 1)
        (fence,) = (await take(database, "one", user)).values()
        assert await table.release(database, {user: fence}) == []
        (command,) = await claim(database, user, fence)
        assert await table.release(database, {user: fence}) == []
        await table.record(database, [(fence, done(command))])
        assert await table.release(database, {user: fence}) == [user]
        assert (await queue_commands_again(database, user)) is None

    with_a_user(postgres, scenario)


async def queue_commands_again(database: Database, user_id: str) -> str | None:
    """The worker that a new command finds."""
    form = CommandForm(type="custom", priority=1, targets=(), payload="{}", config="{}", idempotency_key=None)
    return (await queue_commands(database, user_id, [form], longest=100)).worker


def test_commands_that_are_queued_during_the_release_keep_the_lane(postgres: Any) -> None:
    async def scenario(database: Database, user: str) -> None:
        await queue(database, user, 1)
        (fence,) = (await take(database, "one", user)).values()
        (command,) = await claim(database, user, fence)
        await table.record(database, [(fence, done(command))])
        async with database.transaction() as connection:
            await connection.execute("UPDATE command_lanes SET batches = batches + 1 WHERE user_id = $1", user)
            release = asyncio.create_task(table.release(database, {user: fence}))
            while not await database.value(_SOMEBODY_WAITS):  # noqa: ASYNC110 - it is in PostgreSQL
                await asyncio.sleep(0.01)
        assert await release == []
        assert await table.held(database, "one") == {user: fence}

    with_a_user(postgres, scenario)


_SOMEBODY_WAITS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%r.batches%'
"""


def test_a_user_that_was_deleted_needs_no_lane(postgres: Any) -> None:
    async def scenario(database: Database, user: str) -> None:
        await queue(database, user, 1)
        (fence,) = (await take(database, "one", user)).values()
        await database.execute("DELETE FROM users WHERE id = $1", user)
        assert await table.release(database, {user: fence}) == [user]

    with_a_user(postgres, scenario)


def test_a_command_that_nobody_can_take_expires(postgres: Any) -> None:
    async def scenario(database: Database, user: str) -> None:
        add = "INSERT INTO devices (user_id, device_name, device_type) VALUES ($1, 'd', 'web') RETURNING id::text"
        device = await database.value(add, user)
        form = CommandForm(
            type="custom", priority=1, targets=(device,), payload="{}", config="{}", idempotency_key=None
        )
        await queue_commands(database, user, [form], longest=100)
        await table.expire_unreachable(database, [user], [device], 3600)
        assert await states(database) == ["queued"]
        await database.execute("UPDATE commands SET created_at = now() - interval '2 hours'")
        await table.expire_unreachable(database, [user], [], 3600)
        assert await states(database) == ["queued"]
        await table.expire_unreachable(database, [user], [device], 3600)
        assert await states(database) == ["timeout"]

    with_a_user(postgres, scenario)
