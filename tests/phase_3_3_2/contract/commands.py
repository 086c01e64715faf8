"""Commands: queued over HTTP, executed by devices."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

from .socket import Frame, Socket
from .visit import Person, Visit

_ENDED = ("completed", "failed", "cancelled", "timeout")
_AT_A_TIME = 10
_QUIET_S = 0.7


async def a_command_is_completed_when_its_device_says_so(visit: Visit) -> None:
    """A command is 202, then executing once its device has acknowledged it, then completed with one effect."""
    person = await visit.person()
    async with visit.socket(person) as device:
        [command] = await _queue(visit, person, [{}])
        [task] = await _tasks(device, [command])
        await _accept(device, task)
        assert await _status_is(visit, person, command, "executing")
        await _complete(device, task, {"answer": 42})
        assert await _status_is(visit, person, command, "completed")
        found = (await visit.ask("GET", f"/commands/{command}", by=person)).must_be(200).data["command"]
        assert [effect["result"] for effect in found["effects"]] == [{"answer": 42}], found


async def an_idempotency_key_has_one_effect(visit: Visit) -> None:
    """Two commands with one idempotency key are executed once."""
    person = await visit.person()
    key = uuid.uuid4().hex
    async with visit.socket(person) as device:
        first = await _queue(visit, person, [{"idempotency_key": key}])
        [task] = await _tasks(device, first)
        await _accept(device, task)
        await _complete(device, task)
        await _status_is(visit, person, first[0], "completed")
        second = await _queue(visit, person, [{"idempotency_key": key}])
        again = await _tasks_so_far(device, [*first, *second])
        assert not again, f"executed again: {again}"


async def commands_are_executed_by_priority_and_then_in_order(visit: Visit) -> None:
    """Higher priorities leave the queue first, first come first served inside one."""
    person = await visit.person()
    priorities = (0, 4, 1, 4, 3, 2, 1)
    queued = await _queue(visit, person, [{"priority": priority} for priority in priorities])
    wanted = [queued[place] for place in sorted(range(len(priorities)), key=lambda place: (-priorities[place], place))]
    async with visit.socket(person) as device:
        tasks = await _tasks(device, queued)
        for task in tasks:
            await _complete(device, task)
        await _status_is(visit, person, queued[0], "completed")
    assert [task["payload"]["commandId"] for task in tasks] == wanted, [task["payload"]["priority"] for task in tasks]


async def no_more_commands_run_at_a_time_than_allowed(visit: Visit) -> None:
    """Of one user's commands at most ten run at a time; others follow as they end."""
    person = await visit.person()
    stats = (await visit.ask("GET", "/commands/stats", by=person)).must_be(200).data["stats"]
    limit = (stats.get("limits") or {}).get("at_a_time", _AT_A_TIME)
    async with visit.socket(person) as device:
        queued = await _queue(visit, person, [{} for _ in range(limit + 5)])
        first = await _tasks_so_far(device, queued)
        for task in first:
            await _complete(device, task)
        started = {task["payload"]["commandId"] for task in first}
        for task in await _tasks(device, [command for command in queued if command not in started]):
            await _complete(device, task)
        for command in queued:
            await _status_is(visit, person, command, "completed")
    assert 0 < len(first) <= limit, f"{len(first)} commands ran at a time, {limit} are allowed"


async def a_cancelled_command_is_not_executed(visit: Visit) -> None:
    """POST /commands/:id/cancel ends a command that has not ended; once more is refused."""
    person = await visit.person()
    [command] = await _queue(visit, person, [{}])
    (await visit.ask("POST", f"/commands/{command}/cancel", by=person)).must_be(200)
    async with visit.socket(person) as device:
        tasks = await _tasks_so_far(device, [command])
    assert not tasks, f"executed all the same: {tasks}"
    assert await _status_is(visit, person, command, "cancelled")
    again = await visit.ask("POST", f"/commands/{command}/cancel", by=person)
    assert again.status == 409, f"status {again.status}"


async def commands_are_checked_and_limited(visit: Visit) -> None:
    """Unknown types and priorities, and more than 1,000 at once, are 400 VALIDATION_ERROR."""
    person = await visit.person()
    for body in ({"type": "nonsense"}, {"type": "custom", "priority": 5}, [{"type": "custom"}] * 1001):
        (await visit.ask("POST", "/commands", body, by=person)).must_be(400, "VALIDATION_ERROR")


async def commands_are_their_users_alone(visit: Visit) -> None:
    """Another user gets 404 COMMAND_NOT_FOUND, and cannot cancel."""
    person, stranger = await visit.person(), await visit.person(1)
    [command] = await _queue(visit, person, [{}])
    try:
        (await visit.ask("GET", f"/commands/{command}", by=stranger)).must_be(404, "COMMAND_NOT_FOUND")
        (await visit.ask("POST", f"/commands/{command}/cancel", by=stranger)).must_be(404, "COMMAND_NOT_FOUND")
    finally:
        await visit.ask("POST", f"/commands/{command}/cancel", by=person)


async def _queue(visit: Visit, person: Person, wanted: Sequence[dict[str, Any]]) -> list[str]:
    """Queue commands for the person's own device; their ids."""
    bodies = [{"type": "custom", "target_device_ids": [person.device_id]} | fields for fields in wanted]
    answer = await visit.ask("POST", "/commands", bodies if len(bodies) > 1 else bodies[0], by=person)
    ids: list[str] = answer.must_be(202).data["ids"]
    assert len(ids) == len(wanted), ids
    return ids


async def _tasks(device: Socket, commands: Sequence[str]) -> list[Frame]:
    """As many tasks as there are commands, in the order in which the device gets them; those of others passed over."""
    tasks: list[Frame] = []
    while len(tasks) < len(commands):
        task = await device.next("task_start")
        tasks += [task] if task["payload"]["commandId"] in commands else []
    return tasks


async def _tasks_so_far(device: Socket, commands: Sequence[str]) -> list[Frame]:
    """The tasks of these commands that come without any being completed."""
    tasks = await device.every("task_start", quiet_s=_QUIET_S)
    return [task for task in tasks if task["payload"]["commandId"] in commands]


async def _status_is(visit: Visit, person: Person, command: str, wanted: str) -> bool:
    """Whether the command comes to that state within a few seconds."""
    for _ in range(100):
        found = (await visit.ask("GET", f"/commands/{command}", by=person)).must_be(200).data["command"]["status"]
        if found == wanted:
            return True
        assert found not in _ENDED, f"the command is {found}, not {wanted}"
        await asyncio.sleep(0.03)
    return False


async def _accept(device: Socket, task: Frame) -> None:
    await device.tell("ack", {"originalMessageId": task["id"], "status": "delivered"}, toDeviceId="server")


async def _complete(device: Socket, task: Frame, result: Any = None) -> None:
    done = {"commandId": task["payload"]["commandId"], "status": "completed", "result": result or {}}
    await device.tell("task_status", done, toDeviceId="server")


STATEMENTS = (
    a_command_is_completed_when_its_device_says_so,
    an_idempotency_key_has_one_effect,
    commands_are_executed_by_priority_and_then_in_order,
    no_more_commands_run_at_a_time_than_allowed,
    a_cancelled_command_is_not_executed,
    commands_are_checked_and_limited,
    commands_are_their_users_alone,
)
