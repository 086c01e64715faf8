"""The running server's WebSocket: registration, relay, acknowledgement, and what it does not put up with."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from ccs_lab import PASSWORD, Person, closed_with, new_person, receive, visit


def test_frames_go_to_one_device_or_to_all_others(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            first = await new_person(api)
            second, third = await first.again(), await first.again()
            async with first.websocket() as one, second.websocket() as two, third.websocket() as three:
                direct = first.frame(toDeviceId=second.device_id, payload={"text": "zwei 🦉"})
                await one.send_json(direct)
                assert await receive(two) == direct
                await acknowledged(one, direct, "delivered")
                everyone = first.frame()
                await one.send_json(everyone)
                assert await receive(two) == everyone
                assert await receive(three) == everyone  # and not the direct one before
                await acknowledged(one, everyone, "delivered")

    asyncio.run(scenario())


def test_order_is_kept_and_frames_without_requires_ack_get_none(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            first = await new_person(api)
            second = await first.again()
            async with first.websocket() as one, second.websocket() as two:
                for number in range(200):
                    await one.send_json(first.frame(id=str(number), requiresAck=number == 199))
                assert [(await receive(two))["id"] for _ in range(200)] == [str(number) for number in range(200)]
                assert (await receive(one))["payload"]["originalMessageId"] == "199"

    asyncio.run(scenario())


def test_a_frame_that_nobody_can_take_is_acknowledged_as_failed(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person, stranger = await new_person(api), await new_person(api)
            async with person.websocket() as socket, stranger.websocket() as other:
                for receiver in (stranger.device_id, "no-such-device", None):
                    frame = person.frame(toDeviceId=receiver)
                    await socket.send_json(frame)
                    answer = (await receive(socket))["payload"]
                    assert (answer["originalMessageId"], answer["status"]) == (frame["id"], "failed")
                heartbeat = stranger.frame("heartbeat")
                await other.send_json(heartbeat)
                await acknowledged(other, heartbeat, "delivered")  # the first frame it gets: nothing of the above

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        "1",
        "{}",
        '{"id": "a"}',
        '{"id": 5, "type": "typing"}',
        '{"id": "a", "type": "no_such_type"}',
        '{"id": "a", "type": "typing", "userId": 1, "fromDeviceId": "b"}',
        '{"id": "a", "type": "typing", "userId": "u", "fromDeviceId": "d", "priority": 9}',
        '{"id": "a\\ud800", "type": "typing"}',
        '{"id": "a", "x": ' + "[" * 5000,
        '{"id": "' + "x" * 1000 + '", "type": "typing"}',
    ],
)
def test_an_unusable_frame_is_an_error_and_the_connection_stays(target: Any, text: str) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            async with person.websocket() as socket:
                await socket.send_str(text)
                assert (await receive(socket))["type"] == "error"
                await socket.send_bytes(b"\xff\x00")
                assert (await receive(socket))["type"] == "error"
                heartbeat = person.frame("heartbeat")
                await socket.send_json(heartbeat)
                await acknowledged(socket, heartbeat, "delivered")

    asyncio.run(scenario())


def test_nothing_is_relayed_before_the_registration(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            async with person.open_websocket() as socket:
                assert (await receive(socket))["type"] == "device_register"
                await socket.send_json(person.frame())
                answer = await receive(socket)
                assert (answer["type"], answer["payload"]["error"]) == ("error", "Authentication required")
                await socket.send_json(person.frame("device_register", payload=person.registration()))
                assert (await receive(socket))["payload"]["sessionId"] == person.session_id

    asyncio.run(scenario())


def test_a_registration_as_somebody_else_is_refused(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person, victim = await new_person(api), await new_person(api)
            other = await person.again()
            claims: list[tuple[dict[str, str], dict[str, str]]] = [
                ({"userId": victim.user_id}, {}),
                ({"id": victim.device_id}, {}),
                ({"id": other.device_id}, {}),
                ({}, {"userId": victim.user_id}),
                ({}, {"deviceId": other.device_id}),
                ({}, {"token": "nonsense"}),
                ({}, {"token": ""}),
            ]
            for fields, query in claims:
                async with person.open_websocket(**query) as socket:
                    await receive(socket)
                    await socket.send_json(person.frame("device_register", payload=person.registration(**fields)))
                    assert (await receive(socket))["type"] == "error", (fields, query)
                    assert await closed_with(socket) == 1008

    asyncio.run(scenario())


@pytest.mark.parametrize("field", ["userId", "fromDeviceId"])
def test_a_frame_in_somebody_elses_name_ends_the_connection(target: Any, field: str) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person, victim = await new_person(api), await new_person(api)
            friend = await victim.again()
            name = victim.user_id if field == "userId" else victim.device_id
            async with person.websocket() as socket, friend.websocket() as reader:
                await socket.send_json(person.frame(**{field: name}))
                assert (await receive(socket))["payload"]["code"] == "PERMISSION_DENIED"
                assert await closed_with(socket) == 1008
                heartbeat = friend.frame("heartbeat")
                await reader.send_json(heartbeat)
                await acknowledged(reader, heartbeat, "delivered")  # nothing reached the victim

    asyncio.run(scenario())


def test_a_session_that_ends_takes_its_connection_with_it(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            async with person.websocket() as socket, other.websocket() as kicked:
                body = {"current_password": PASSWORD, "new_password": "Better-horse1!"}
                assert (await person.api.post("/users/change-password", body)).status == 200
                assert await closed_with(kicked) == 1008
                heartbeat = person.frame("heartbeat")
                await socket.send_json(heartbeat)
                await acknowledged(socket, heartbeat, "delivered")
            async with other.open_websocket() as socket:
                await receive(socket)
                await socket.send_json(other.frame("device_register", payload=other.registration()))
                assert (await receive(socket))["payload"]["code"] == "TOKEN_REVOKED"
                assert await closed_with(socket) == 1008

    asyncio.run(scenario())


def test_a_device_has_one_connection_the_newest(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            async with person.websocket() as older, person.websocket(), other.websocket() as sender:
                assert await closed_with(older) == 4001
                frame = other.frame(toDeviceId=person.device_id)
                await sender.send_json(frame)
                await acknowledged(sender, frame, "delivered")

    asyncio.run(scenario())


def test_a_frame_may_have_16_mebibytes_and_no_more(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            async with person.websocket() as socket:
                heartbeat = person.frame("heartbeat", payload="")
                room = 16 * 1024 * 1024 - len(json.dumps(heartbeat))
                await socket.send_json(heartbeat | {"payload": "x" * room})
                await acknowledged(socket, heartbeat, "delivered")
                await socket.send_json(heartbeat | {"payload": "x" * (room + 1)})
                assert (await receive(socket))["payload"]["code"] == "FRAME_TOO_BIG"
                assert await closed_with(socket) == 1009

    asyncio.run(scenario())


def test_a_reader_that_does_not_read_holds_up_nobody(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            lazy, keen = await person.again(), await person.again()
            async with person.websocket() as sender, lazy.websocket() as stuck, keen.websocket() as reader:
                stop_reading(stuck)
                big = person.frame(toDeviceId=lazy.device_id, payload="x" * 1_000_000)
                outcomes = []
                for _ in range(30):
                    await sender.send_json(big)
                    outcomes.append((await receive(sender))["payload"]["status"])
                assert outcomes[0] == "delivered"
                assert outcomes[-1] == "failed"
                frame = person.frame(toDeviceId=keen.device_id)
                await sender.send_json(frame)
                assert await receive(reader) == frame
                start_reading(stuck)

    asyncio.run(scenario())


def test_connections_are_counted(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person: Person = await new_person(api)
            before = (await api.get("/health/metrics")).body["websocket"]["connections"]
            async with person.websocket():
                inside = (await api.get("/health/metrics")).body["websocket"]["connections"]
            after = (await api.get("/health/metrics")).body["websocket"]["connections"]
            assert (inside - before, after - before) == (1, 0)

    asyncio.run(scenario())


def test_a_connection_counts_as_a_request_that_has_no_duration(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            async with person.websocket():
                pass
            for _ in range(500):  # the server counts it when it has cleaned up
                text = (await api.get("/metrics")).body
                if 'route="/ws",status="101"' in text:
                    break
            assert 'ccs_http_requests_total{method="GET",route="/ws",status="101"}' in text
            assert 'ccs_http_request_duration_seconds_count{method="GET",route="/ws"}' not in text

    asyncio.run(scenario())


def stop_reading(socket: aiohttp.ClientWebSocketResponse) -> None:
    transport = socket._writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()


def start_reading(socket: aiohttp.ClientWebSocketResponse) -> None:
    transport = socket._writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.resume_reading()


async def acknowledged(socket: aiohttp.ClientWebSocketResponse, frame: dict[str, Any], status: str) -> None:
    answer = await receive(socket)
    assert answer["type"] == "ack", answer
    assert answer["payload"]["status"] == status, answer
    assert answer["payload"]["originalMessageId"] == frame["id"]
