"""Commands on the running server: queued, executed by devices, repeated, cancelled, counted."""

from __future__ import annotations

import asyncio
import random
import uuid
from typing import Any

import pytest
from ccs_lab import new_person, visit
from command_lab import all_become, becomes, device, nothing, queue


def test_a_command_without_a_target_is_done_by_the_server(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            async with person.websocket():
                (name,) = await queue(person, {"type": "device_status", "payload": {"a": [1]}})
                command = await becomes(person, name, "completed")
            (effect,) = command["effects"]
            assert (effect["executor"], effect["result"]) == ("server", {"connected": [person.device_id]})
            assert (command["priority"], command["attempts"], command["payload"]) == (1, 1, {"a": [1]})
            assert command["created_at"] <= command["started_at"] <= command["finished_at"]

    asyncio.run(scenario())


def test_a_broadcast_reaches_all_devices_of_the_user(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            async with person.websocket() as socket:
                await queue(person, {"type": "notification_send", "payload": {"text": "lunch"}})
                frame = await socket.receive_json(timeout=5)
                assert (frame["type"], frame["payload"]) == ("notification", {"text": "lunch"})

    asyncio.run(scenario())


def test_a_device_accepts_a_command_and_then_completes_it(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            async with device(person, nothing) as worker:
                wanted = {"type": "file_delete", "target_device_ids": [person.device_id], "payload": {"path": "/ü"}}
                (name,) = await queue(person, wanted | {"priority": 4, "config": {"dry_run": True}})
                executing = await becomes(person, name, "executing")
                assert executing["acknowledged_at"] is not None
                (sent,) = worker.started
                assert (sent["commandId"], sent["type"], sent["priority"]) == (name, "file_delete", 4)
                assert (sent["payload"], sent["config"]) == ({"path": "/ü"}, {"dry_run": True})
                assert (sent["attempt"], sent["timeoutS"]) == (1, 30)
                await worker.finish(sent, {"deleted": 1})
                command = await becomes(person, name, "completed")
                assert [(e["executor"], e["result"]) for e in command["effects"]] == [
                    (person.device_id, {"deleted": 1})
                ]

    asyncio.run(scenario())


def test_a_command_for_two_devices_is_complete_when_both_have_done_it(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            both = [person.device_id, other.device_id]
            async with device(person), device(other, nothing) as slow:
                (name,) = await queue(person, {"type": "custom", "target_device_ids": both})
                await becomes(person, name, "executing")
                await slow.finish(slow.started[0], {"slow": True})
                command = await becomes(person, name, "completed")
                assert {effect["executor"] for effect in command["effects"]} == set(both)

    asyncio.run(scenario())


def test_higher_priorities_first_first_in_first_out_and_ten_at_a_time(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            priorities = [random.Random(4).randrange(5) for _ in range(200)]
            commands = [
                {"type": "custom", "priority": priority, "target_device_ids": [person.device_id], "payload": {"n": n}}
                for n, priority in enumerate(priorities)
            ]
            for start in range(0, 200, 50):
                await queue(person, *commands[start : start + 50])
            async with device(person, nothing) as worker:
                for end in range(10, 201, 10):
                    await worker.has_started(end)
                    for command in worker.started[end - 10 : end]:
                        await worker.finish(command, {})
                await all_become(person, 200)
            expected = sorted(range(200), key=lambda n: -priorities[n])
            assert [command["payload"]["n"] for command in worker.started] == expected
            assert worker.most_at_a_time == 10

    asyncio.run(scenario())


def test_a_failure_is_repeated_and_counted(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            fails_twice = iter([ValueError("no disk"), ValueError("no disk"), {"ok": True}])
            async with device(person, lambda _: next(fails_twice)) as worker:
                config = {"retries": 2, "retry_delay_s": 0.05}
                wanted = {"type": "custom", "target_device_ids": [person.device_id], "config": config}
                (name,) = await queue(person, wanted)
                command = await becomes(person, name, "completed", "failed")
                assert (command["status"], command["attempts"], len(command["effects"])) == ("completed", 3, 1)
                assert [sent["attempt"] for sent in worker.started] == [1, 2, 3]
                assert len({sent["idempotencyKey"] for sent in worker.started}) == 1

    asyncio.run(scenario())


def test_a_command_that_keeps_failing_ends_as_failed_with_the_reason(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            async with device(person, lambda _: ValueError("no disk")):
                config = {"retries": 1, "retry_delay_s": 0.01}
                wanted = {"type": "custom", "target_device_ids": [person.device_id], "config": config}
                (name,) = await queue(person, wanted)
                command = await becomes(person, name, "completed", "failed")
                assert (command["status"], command["attempts"], command["error"]) == ("failed", 2, "no disk")
                assert command["effects"] == []

    asyncio.run(scenario())


def test_a_command_without_a_result_in_time_ends_as_timeout(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            async with device(person, nothing):
                config = {"retries": 0, "timeout_s": 0.1}
                wanted = {"type": "custom", "target_device_ids": [person.device_id], "config": config}
                (name,) = await queue(person, wanted)
                command = await becomes(person, name, "completed", "failed", "timeout")
                assert (command["status"], command["attempts"]) == ("timeout", 1)

    asyncio.run(scenario())


def test_a_command_waits_for_a_device_that_is_away(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            (away,) = await queue(person, {"type": "custom", "target_device_ids": [other.device_id]})
            (server,) = await queue(person, {"type": "custom"})
            await becomes(person, server, "completed")  # the one that waits holds up nobody
            assert (await becomes(person, away, "queued"))["attempts"] == 0
            async with device(other):
                assert (await becomes(person, away, "completed"))["attempts"] == 1

    asyncio.run(scenario())


def test_a_device_that_reconnects_gets_again_what_it_has_not_answered(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            wanted = {"type": "custom", "target_device_ids": [person.device_id]}
            async with device(person, nothing) as first:
                (name,) = await queue(person, wanted)
                await becomes(person, name, "executing")
            async with device(person) as second:
                command = await becomes(person, name, "completed")
            assert len(command["effects"]) == 1
            assert [sent["idempotencyKey"] for sent in first.started + second.started] == [name, name]

    asyncio.run(scenario())


def test_what_waits_or_runs_can_be_cancelled_and_what_has_ended_cannot(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person, stranger = await new_person(api), await new_person(api)
            wanted = {"type": "custom", "target_device_ids": [person.device_id]}
            async with device(person, nothing) as worker:
                names = await queue(person, *[wanted] * 11)
                await becomes(person, names[9], "executing")
                assert (await stranger.api.post(f"/commands/{names[0]}/cancel")).code == "COMMAND_NOT_FOUND"
                for name in (names[10], names[0]):
                    answer = await person.api.post(f"/commands/{name}/cancel")
                    assert answer.data["command"]["status"] == "cancelled"
                again = await person.api.post(f"/commands/{names[0]}/cancel")
                assert (again.status, again.code) == (409, "COMMAND_FINISHED")
                await worker.finish(worker.started[0], {})  # too late
                await worker.finish(worker.started[1], {})
                await becomes(person, names[1], "completed")
                assert worker.cancelled == [names[0]]
                assert (await becomes(person, names[0], "cancelled", "completed"))["effects"] == []
                assert len(worker.started) == 10  # the one that was cancelled while it waited was never sent

    asyncio.run(scenario())


def test_an_idempotency_key_makes_a_repetition_the_same_command(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person, other = await new_person(api), await new_person(api)
            wanted = {"type": "custom", "idempotency_key": "once"}
            first = await queue(person, wanted, {"type": "custom"}, wanted)
            again = await queue(person, wanted)
            assert first[0] == first[2] == again[0]
            assert await queue(other, wanted) != again
            stats = await all_become(person, 2)
            assert stats["effects"] == 2

    asyncio.run(scenario())


def test_a_list_is_queued_as_a_whole_or_not_at_all(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person, stranger = await new_person(api), await new_person(api)
            good = {"type": "custom"}
            bad: list[tuple[Any, int, str]] = [
                ({"type": "explode"}, 400, "[1].type"),
                ({"type": "custom", "priority": 5}, 400, "[1].priority"),
                ({"type": "file_upload"}, 400, "[1].target_device_ids"),
                ({"type": "custom", "target_device_ids": ["x"]}, 400, "[1].target_device_ids"),
                ({"type": "custom", "config": {"timeout_s": 0}}, 400, "[1].config.timeout_s"),
                ("custom", 400, "[1]"),
            ]
            for item, status, field in bad:
                answer = await person.api.post("/commands", [good, item])
                assert (answer.status, answer.body["details"][0]["field"]) == (status, field)
            foreign = {"type": "custom", "target_device_ids": [stranger.device_id]}
            assert (await person.api.post("/commands", [good, foreign])).code == "DEVICE_NOT_FOUND"
            for wrong in ([], [good] * 1001, "custom", None):
                assert (await person.api.call("POST", "/commands", json=wrong)).status == 400
            listed = await person.api.get("/commands")
            assert listed.data["pagination"]["total_count"] == 0

    asyncio.run(scenario())


def test_the_queue_has_a_limit(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            waiting = {"type": "custom", "target_device_ids": [person.device_id]}
            for _ in range(10):
                await queue(person, *[waiting] * 1000)
            answer = await person.api.post("/commands", waiting)
            assert (answer.status, answer.code) == (429, "QUEUE_FULL")
            assert "Retry-After" in answer.headers

    asyncio.run(scenario())


def test_commands_are_listed_in_order_and_are_their_owners_alone(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person, stranger = await new_person(api), await new_person(api)
            names = await queue(person, *[{"type": "custom"}] * 5)
            await all_become(person, 5)
            page = await person.api.get("/commands?status=completed&limit=2&offset=2")
            assert [command["id"] for command in page.data["commands"]] == names[2:4]
            assert page.data["pagination"] == {"total_count": 5, "has_more": True, "limit": 2, "offset": 2}
            assert (await person.api.get("/commands?status=failed")).data["commands"] == []
            assert (await person.api.get("/commands?status=done")).status == 400
            assert (await stranger.api.get(f"/commands/{names[0]}")).code == "COMMAND_NOT_FOUND"
            assert (await stranger.api.get("/commands")).data["commands"] == []
            assert (await person.api.get(f"/commands/{uuid.uuid4()}")).status == 404

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "payload", [None, [], {"commandId": 5}, {"commandId": str(uuid.uuid4()), "status": "completed"}]
)
def test_an_answer_that_belongs_to_no_command_does_no_harm(target: Any, payload: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            async with person.websocket() as socket:
                await socket.send_json(person.frame("task_status", toDeviceId="server", payload=payload))
                assert (await socket.receive_json(timeout=5))["type"] == "ack"

    asyncio.run(scenario())
