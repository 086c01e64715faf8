"""Devices that come and go: what waits for them, how they hear of each other, and that nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from ccs_lab import Api, Person, new_person, receive, visit
from server_lab import Server, new_database, servers

REDIS_DATABASE = 8  # of this file
KNOWS = {"supportsNotifications": True}


@asynccontextmanager
async def instances(postgres: Any, redis: Any, count: int, *arguments: str) -> AsyncIterator[list[Server]]:
    url = f"{redis.url.rpartition('/')[0]}/{REDIS_DATABASE}"
    async with new_database(postgres.url) as database:
        with servers(count, database, url, *arguments) as started:
            yield started


def at(person: Person, server: Server) -> Person:
    """The same device, that speaks to another instance."""
    return replace(person, api=Api(person.api.http, server.url, person.api.token))


async def status_of(socket: aiohttp.ClientWebSocketResponse, frame: dict[str, Any]) -> str:
    """Send a frame and return the status it is acknowledged with."""
    await socket.send_json(frame)
    answer = await receive(socket)
    assert answer["type"] == "ack", answer
    assert answer["payload"]["originalMessageId"] == frame["id"]
    return str(answer["payload"]["status"])


async def acknowledge(person: Person, socket: aiohttp.ClientWebSocketResponse, frame: dict[str, Any]) -> None:
    ack = person.frame("ack", payload={"originalMessageId": frame["id"]})
    assert await status_of(socket, ack) == "delivered"


async def all_of(socket: aiohttp.ClientWebSocketResponse, person: Person) -> list[dict[str, Any]]:
    """Return what a device gets before the answer to a heartbeat."""
    heartbeat = person.frame("heartbeat")
    await socket.send_json(heartbeat)
    got: list[dict[str, Any]] = []
    while (frame := await receive(socket))["payload"].get("originalMessageId") != heartbeat["id"]:
        got.append(frame)
    return got


def test_what_was_sent_to_an_absent_device_comes_by_priority_until_it_is_acknowledged(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            sent = [person.frame(toDeviceId=other.device_id, priority=n % 4, payload={"n": n}) for n in range(12)]
            async with person.websocket() as socket:
                assert {await status_of(socket, frame) for frame in sent} == {"queued"}
                assert await status_of(socket, sent[0]) == "queued"  # sent again, kept once
            wanted = sorted(sent, key=lambda frame: -frame["priority"])
            async with other.websocket() as socket:
                assert [await receive(socket) for _ in wanted] == wanted
                for frame in wanted[:5]:
                    await acknowledge(other, socket, frame)
            async with other.websocket() as socket:
                assert [await receive(socket) for _ in wanted[5:]] == wanted[5:]
                for frame in wanted[5:]:
                    await acknowledge(other, socket, frame)
                assert await all_of(socket, other) == []
            async with other.websocket() as socket:
                assert await all_of(socket, other) == []

    asyncio.run(scenario())


def test_what_was_queued_comes_before_what_is_sent_now(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            async with person.websocket() as socket:
                statuses, numbers = set(), []
                for number in range(30):
                    statuses.add(
                        await status_of(socket, person.frame(toDeviceId=other.device_id, payload={"n": number}))
                    )
                async with other.websocket() as reader:
                    for number in range(30, 60):
                        statuses.add(
                            await status_of(socket, person.frame(toDeviceId=other.device_id, payload={"n": number}))
                        )
                    numbers = [(await receive(reader))["payload"]["n"] for _ in range(60)]
                assert numbers == list(range(60))
                assert statuses == {"queued", "delivered"}

    asyncio.run(scenario())


def test_a_device_that_connects_while_others_send_misses_nothing(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            async with person.websocket() as socket:
                frames = [person.frame(toDeviceId=other.device_id, payload={"n": n}) for n in range(300)]

                halfway = asyncio.Event()

                async def send() -> None:
                    for number, frame in enumerate(frames):
                        await socket.send_json(frame)
                        if number % 10 == 0:
                            await api.get("/health")  # so that connecting takes no longer than sending
                        if number == len(frames) // 2:
                            halfway.set()

                sending = asyncio.create_task(send())
                await halfway.wait()
                async with other.websocket() as reader:
                    numbers = [(await receive(reader))["payload"]["n"] for _ in frames]
                await sending
                assert sorted(set(numbers)) == list(range(300))
                assert {(await receive(socket))["payload"]["status"] for _ in frames} <= {"queued", "delivered"}

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["typing", "presence", "device_status", "heartbeat", "ack"])
def test_what_is_said_of_the_moment_does_not_wait(target: Any, kind: str) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            async with person.websocket() as socket:
                assert await status_of(socket, person.frame(kind, toDeviceId=other.device_id)) == "failed"
            async with other.websocket() as socket:
                assert await all_of(socket, other) == []

    asyncio.run(scenario())


def test_a_device_is_told_that_others_come_and_go(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            async with person.websocket(KNOWS) as socket:
                async with other.websocket(KNOWS) as reader:
                    for there, device, status in ((socket, other, "online"), (reader, person, "online")):
                        frame = await receive(there)
                        assert frame["type"] == "presence"
                        assert (frame["payload"]["deviceId"], frame["payload"]["status"]) == (device.device_id, status)
                    busy = other.frame("presence", payload={"status": "away"}, requiresAck=False)
                    await reader.send_json(busy)
                    assert await receive(socket) == busy
                gone = await receive(socket)
                assert (gone["payload"]["deviceId"], gone["payload"]["status"]) == (other.device_id, "offline")

    asyncio.run(scenario())


def test_typing_is_passed_on_once_a_second_and_its_end_at_once(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            async with person.websocket() as socket, other.websocket() as reader:
                for typing in (True, True, True, False, False, True):
                    frame = person.frame("typing", payload={"conversationId": "c", "isTyping": typing})
                    assert await status_of(socket, frame) == "delivered"
                got = await all_of(reader, other)
                assert [frame["payload"]["isTyping"] for frame in got] == [True, False, True]

    asyncio.run(scenario())


def test_a_handoff_needs_the_device_that_takes_over(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            async with person.websocket() as socket:
                await socket.send_json(person.frame("device_handoff"))
                assert (await receive(socket))["payload"]["code"] == "INVALID_FRAME"
                handoff = person.frame("device_handoff", toDeviceId=other.device_id, payload={"conversationId": "c"})
                assert await status_of(socket, handoff) == "queued"
            async with other.websocket() as reader:
                assert await receive(reader) == handoff

    asyncio.run(scenario())


def test_a_full_queue_says_so_and_frames_grow_too_old(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        limits = ("--ws-queue-size", "3", "--ws-queue-ttl", "1")
        async with instances(postgres, redis, 1, *limits) as (server,), visit(server.url) as api:
            person = await new_person(api)
            other = await person.again()
            async with person.websocket() as socket:
                frames = [person.frame(toDeviceId=other.device_id) for _ in range(4)]
                assert [await status_of(socket, frame) for frame in frames] == ["queued"] * 3 + ["failed"]
                large = person.frame(toDeviceId=other.device_id, payload="x" * 300_000)
                assert await status_of(socket, large) == "failed"
                async with asyncio.timeout(10):
                    while await status_of(socket, frames[3]) != "queued":
                        pass
            async with other.websocket() as reader:
                kept = await all_of(reader, other)
                assert (kept[-1], frames[0] in kept) == (frames[3], False)

    asyncio.run(scenario())


def test_devices_at_different_instances_reach_each_other_and_wait_for_each_other(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with instances(postgres, redis, 2) as (here, there), visit(here.url) as api:
            person = await new_person(api)
            other = at(await person.again(), there)
            async with person.websocket(KNOWS) as socket:
                late = person.frame(toDeviceId=other.device_id, payload={"n": 0})
                assert await status_of(socket, late) == "queued"
                async with other.websocket(KNOWS) as reader:
                    assert (await receive(socket))["payload"]["status"] == "online"
                    assert await receive(reader) == late
                    assert (await receive(reader))["payload"]["deviceId"] == person.device_id
                    for number in range(1, 50):
                        frame = person.frame(toDeviceId=other.device_id, payload={"n": number})
                        assert await status_of(socket, frame) == "delivered"
                        assert await receive(reader) == frame
                assert (await receive(socket))["payload"]["status"] == "offline"
                assert await status_of(socket, person.frame(toDeviceId=other.device_id)) == "queued"

    asyncio.run(scenario())


def test_an_instance_that_is_killed_loses_nothing_that_was_queued(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with instances(postgres, redis, 2) as (here, there), visit(here.url) as api:
            person = await new_person(api)
            other = at(await person.again(), there)
            frames = [person.frame(toDeviceId=other.device_id, payload={"n": n}) for n in range(20)]
            async with other.websocket():
                there.kill()
                async with person.websocket() as socket:
                    statuses = [await status_of(socket, frame) for frame in frames]
            assert set(statuses) == {"queued"}
            async with at(other, here).websocket() as reader:
                assert [await receive(reader) for _ in frames] == frames

    asyncio.run(scenario())
