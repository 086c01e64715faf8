"""Several instances: what one takes the other knows, and killing one loses nothing that was acknowledged."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from ccs_lab import Api, Person, closed_with, new_person, receive, visit
from command_lab import Device, all_become, becomes, device, done, queue
from server_lab import Server, new_database, servers

sys.path.append(str(Path(__file__).parents[1] / "keeper"))
from keeper_lab import new_run

REDIS_DATABASE = 8  # of this file
REAL = "pytest_roo_load.services.stack:recipes"
LEASE = ("--command-lease", "1")


@asynccontextmanager
async def pair(postgres: Any, redis: Any, *arguments: str) -> AsyncIterator[tuple[str, list[Server]]]:
    """Two instances, and the URL of their database."""
    async with new_database(postgres.url) as database:
        own = f"{redis.url.rpartition('/')[0]}/{REDIS_DATABASE}"
        with servers(2, database, own, *arguments) as instances:
            yield database, instances


def at(person: Person, server: Server) -> Person:
    """The same person at another instance."""
    api = Api(person.api.http, server.url, person.api.token)
    return Person(
        api=api,
        user_id=person.user_id,
        email=person.email,
        session_id=person.session_id,
        device_id=person.device_id,
        refresh_token=person.refresh_token,
    )


def test_sessions_frames_and_commands_cross_instances(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with pair(postgres, redis) as (_, (first, second)), visit(first.url) as api:
            here = await new_person(api)
            there = at(await here.again(), second)
            async with here.websocket() as one, there.websocket() as two:
                frame = here.frame(toDeviceId=there.device_id)
                await one.send_json(frame)
                assert await receive(two) == frame
                assert (await receive(one))["payload"]["status"] == "delivered"
                (name,) = await queue(here, {"type": "custom", "target_device_ids": [there.device_id]})
                sent = (await receive(two))["payload"]
                result = {"commandId": name, "status": "completed", "result": {"at": "second"}}
                answer = there.frame("task_status", toDeviceId="server", payload=result, requiresAck=False)
                await two.send_json(answer)
                command = await becomes(there, sent["commandId"], "completed")
                assert command["effects"][0]["result"] == {"at": "second"}
                await here.api.post("/auth/logout", headers={"X-Session-ID": there.session_id})
                assert await closed_with(two) == 1008
                assert (await there.api.get("/auth/me")).code == "TOKEN_REVOKED"

    asyncio.run(scenario())


def test_commands_come_in_their_order_from_whichever_instance_serves_them(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with pair(postgres, redis) as (_, instances), visit(instances[0].url) as api:
            people = [await new_person(api) for _ in range(8)]
            for place, person in enumerate(people):
                came, wanted = await order_at(at(person, instances[place % 2]), instances[place // 2 % 2])
                assert came == wanted

    asyncio.run(scenario())


async def order_at(person: Person, queued_at: Server) -> tuple[list[str], list[str]]:
    """The order in which a device was given what had been queued at this instance, and the order it should be."""
    priorities = [(7 * n) % 5 for n in range(60)]
    wanted = [
        {"type": "custom", "target_device_ids": [person.device_id], "priority": priority} for priority in priorities
    ]
    ids = await queue(at(person, queued_at), *wanted)
    async with device(person) as executor:
        await all_become(person, len(ids))
    in_order = [ids[place] for place in sorted(range(len(ids)), key=lambda place: (-priorities[place], place))]
    return list(dict.fromkeys(command["commandId"] for command in executor.started)), in_order


def test_a_killed_worker_loses_none_of_10000_commands_and_does_none_twice(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with pair(postgres, redis, *LEASE) as (database, instances), visit(instances[0].url) as api:
            people = [await new_person(api) for _ in range(10)]
            async with roaming(people, instances) as devices:
                await asyncio.gather(*(queue_1000(person) for person in people))
                connection = await asyncpg.connect(database)
                victim = await worker_in_the_middle(connection, instances)
                victim.kill()
                (survivor,) = [instance for instance in instances if instance is not victim]
                for person in people:
                    await all_become(at(person, survivor), 1000)
                effects = await connection.fetchval("SELECT count(*) FROM command_effects")
                attempted = await connection.fetchval("SELECT count(*) FROM commands WHERE attempts >= 1")
                await connection.close()
            assert (effects, attempted) == (10_000, 10_000)
            done_once = Counter(command["idempotencyKey"] for device in devices for command in device.started)
            assert len(done_once) == 5000  # the other half was the server's own

    asyncio.run(scenario())


def test_connections_that_break_in_the_middle_lose_no_command_and_repeat_no_effect(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with pair(postgres, redis, *LEASE) as (database, instances), visit(instances[0].url) as api:
            people = [await new_person(api) for _ in range(5)]
            await asyncio.gather(*(queue(person, *[{"type": "custom"}] * 1000) for person in people))
            connection = await asyncpg.connect(database)
            for _ in range(15):
                await connection.execute(_BREAK_ALL_OTHERS)
                await asyncio.sleep(0.1)
            async with asyncio.timeout(60):
                while await connection.fetchval(_NOT_COMPLETED):  # noqa: ASYNC110 - it is elsewhere
                    await asyncio.sleep(0.1)
            assert await connection.fetchval("SELECT count(*) FROM command_effects") == 5000
            await connection.close()

    asyncio.run(scenario())


_BREAK_ALL_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_NOT_COMPLETED = "SELECT count(*) FROM commands WHERE state <> 'completed'"


async def queue_1000(person: Person) -> None:
    targets = [{"target_device_ids": [person.device_id]}, {}]
    await queue(person, *({"type": "custom", "priority": n % 5} | targets[n % 2] for n in range(1000)))


async def worker_in_the_middle(connection: Any, instances: list[Server]) -> Server:
    """The instance that serves a lane and has executed some of the commands but not all."""
    async with asyncio.timeout(20):
        while True:
            ended = await connection.fetchval("SELECT count(*) FROM commands WHERE state = 'completed'")
            worker = await connection.fetchval("SELECT worker FROM command_lanes WHERE worker IS NOT NULL LIMIT 1")
            if 500 < ended < 9000 and worker is not None:
                return next(instance for instance in instances if worker.startswith(f"{instance.instance_id}:"))
            await asyncio.sleep(0.01)


@asynccontextmanager
async def roaming(people: list[Person], instances: list[Server]) -> AsyncIterator[list[Device]]:
    """Keep everybody's device connected, to whichever instance there is."""
    devices: list[Device] = []
    tasks = [
        asyncio.create_task(roam(person, instances[n % 2 :] + instances[: n % 2], devices))
        for n, person in enumerate(people)
    ]
    try:
        yield devices
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def roam(person: Person, instances: list[Server], devices: list[Device]) -> None:
    while True:
        for instance in instances:
            with suppress(aiohttp.ClientError, OSError, TypeError):
                moved = at(person, instance)
                async with moved.websocket() as socket:
                    devices.append(Device(moved, socket, done))
                    await devices[-1].run()
            await asyncio.sleep(0.05)


def test_behind_envoy_killing_an_instance_loses_nothing_that_was_acknowledged() -> None:
    with new_run(REAL) as run:
        stack = run.client().ensure("ccs", instances="2", arguments="--command-lease 1")
        assert len(stack.pids) == 2

        async def scenario() -> None:
            async with visit(stack.url) as api:
                person = await new_person(api)
                conversation = await person.conversation()
                posted: list[str] = []
                ids: list[str] = []
                served: Counter[str] = Counter()
                stop = asyncio.Event()

                async def post(place: int) -> None:
                    number = 0
                    while not stop.is_set():
                        number += 1
                        text = f"{place}-{number}"
                        answer = await person.api.post(f"/conversations/{conversation}/messages", {"content": text})
                        if answer.status == 201:
                            posted.append(text)
                            served[answer.headers["X-Instance-ID"]] += 1
                        answer = await person.api.post("/commands", {"type": "custom", "idempotency_key": text})
                        if answer.status == 202:
                            ids.extend(answer.data["ids"])

                posting = [asyncio.create_task(post(place)) for place in range(4)]
                await until(lambda: len(served) == 2 and len(posted) > 100)
                os.kill(stack.pids[0], signal.SIGKILL)
                before = len(posted)
                await until(lambda: len(posted) > before + 200)
                stop.set()
                await asyncio.gather(*posting)
                await nothing_is_missing(person, conversation, posted, ids)

        asyncio.run(scenario())


async def nothing_is_missing(person: Person, conversation: str, posted: list[str], ids: list[str]) -> None:
    stored = await all_messages(person, conversation)
    assert set(posted) <= set(stored)
    assert len(stored) == len(set(stored))
    for name in ids[-1:] + ids[: len(ids) : 20]:
        assert len((await becomes(person, name, "completed"))["effects"]) == 1
    stats = (await person.api.get("/commands/stats")).data["stats"]
    assert stats["by_status"] == {"completed": stats["effects"]}
    assert stats["effects"] >= len(ids)


async def until(holds: Any) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - a test's condition, polled
            await asyncio.sleep(0.01)


async def all_messages(person: Person, conversation: str) -> list[str]:
    found: list[str] = []
    while True:
        page = await person.api.get(f"/conversations/{conversation}/messages?limit=100&offset={len(found)}")
        found += [message["content"] for message in page.data["messages"]]
        if not page.data["pagination"]["has_more"]:
            return found
