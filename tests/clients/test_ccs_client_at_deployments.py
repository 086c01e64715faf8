"""The client of the CCS at a deployment: accounts that exist, routes that do not, commands that devices execute."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from client_lab import counted, run, until
from fake_ccs import FakeCCS, between, device_of

from pytest_roo_load.clients.ccs import CCS, Task, needs
from pytest_roo_load.clients.ccs.commands import command_body
from pytest_roo_load.clients.ccs.offers import answer_without
from pytest_roo_load.core.accounts import Access, Account
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import NotOffered, ProtocolError, UnexpectedAnswer, UsageError


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def account_with(devices: int) -> Account:
    known = tuple(Access(device_id=uuid(number), token=f"token-{number}") for number in range(devices))
    return Account(user_id=uuid(99), email="ada@example.org", password="secret", devices=known)


def test_a_user_with_an_account_takes_its_devices_first_and_logs_in_when_there_are_no_more() -> None:
    fake = FakeCCS()

    async def main() -> tuple[list[str], str]:
        async with between(fake, account_with(2)) as user:
            ccs = CCS(user)
            sessions = [await ccs.login() for _ in range(3)]
            for session in sessions:
                await session.profile()
            with pytest.raises(UsageError, match="has no refresh token"):
                await sessions[0].refresh()
            await sessions[0].logout()
            return [session.device_id for session in sessions], repr(sessions[0])

    devices, shown = run(main())
    assert devices == [uuid(0), uuid(1), "d-1"]
    assert "token" not in shown
    login, *profiles, logout = fake.requests
    assert login.path == "/api/v1/auth/login", "nothing was registered"
    assert fake.bodies[0]["email"] == "ada@example.org"
    assert fake.bodies[0]["password"] == "secret"
    tokens = [request.headers["Authorization"] for request in profiles]
    assert tokens == ["Bearer token-0", "Bearer token-1", "Bearer access-1"]
    assert "X-Session-ID" not in logout.headers


@pytest.mark.parametrize(
    ("status", "body", "offered"),
    [
        (404, {"code": "COMMAND_NOT_FOUND"}, True),
        (404, {"code": "NOT_FOUND"}, False),
        (404, {"code": "ROUTE_NOT_FOUND"}, False),
        (404, ["Cannot GET"], False),
        (404, None, False),
        (405, {"code": "METHOD_NOT_ALLOWED"}, False),
        (501, {}, False),
        (403, {"code": "PERMISSION_DENIED"}, True),
        (500, None, True),
    ],
)
def test_what_a_server_does_not_offer_is_told_from_what_it_refuses(status: int, body: Any, offered: bool) -> None:  # noqa: FBT001
    fake = FakeCCS()
    text = "<html>no such page" if body is None else json.dumps(body)
    fake.raw["GET", "/commands/stats"] = web.Response(status=status, text=text)

    async def main() -> PhaseRecorder:
        async with between(fake) as user:
            session = await CCS(user).login()
            with pytest.raises(UnexpectedAnswer) as caught:
                await session.command_stats()
            assert isinstance(caught.value, NotOffered) is not offered
            assert str(caught.value) == f"GET /commands/stats: status {status} {text}"
            answer = await answer_without(user, session, "commands")
            assert answer == (None if offered else str(caught.value))
        recorder: PhaseRecorder = user.recorder
        return recorder

    assert counted(run(main()))["GET /commands/stats"] == (0, {f"status {status}": 1}, 0)


def test_an_answer_that_is_no_envelope_is_a_violation_of_the_protocol() -> None:
    fake = FakeCCS()
    fake.raw["GET", "/users/profile"] = web.Response(text="[]")
    fake.raw["GET", "/users/devices"] = web.Response(text="<html>")

    async def main() -> None:
        async with between(fake) as user:
            session = await CCS(user).login()
            with pytest.raises(ProtocolError, match="no JSON object"):
                await session.profile()
            with pytest.raises(ProtocolError, match="not JSON"):
                await session.devices()

    run(main())


def test_a_journey_says_what_it_needs() -> None:
    @needs("commands", "files")
    async def journey(user: Any) -> None:
        del user

    assert vars(journey)["needs"] == ("commands", "files")
    with pytest.raises(UsageError, match=r"unknown feature of a CCS: 'comands'.*batch users"):
        needs("comands")
    with pytest.raises(UsageError, match="'nothing'"):
        needs()


def test_a_command_has_only_the_fields_of_commands() -> None:
    body = command_body("custom", ["d-1"], {"priority": 4})
    assert body == {"type": "custom", "target_device_ids": ["d-1"], "priority": 4}
    with pytest.raises(UsageError, match="not a field of a command: 'prio'"):
        command_body("custom", [], {"prio": 4})


TASK = {"commandId": "c-1", "type": "custom", "idempotencyKey": "k-1", "attempt": 1, "payload": {"n": 1}}


def test_a_device_does_a_command_once_and_reports_it_as_often_as_it_comes() -> None:
    fake = FakeCCS()
    again = {"type": "task_start", "id": "c-1.2", "payload": TASK | {"attempt": 2}}
    fake.extra = [
        '{"type": "notification", "payload": {"title": "kept"}}',
        json.dumps({"type": "task_start", "id": "c-1.1", "payload": TASK}),
        json.dumps(again),
    ]
    done: list[Any] = []

    def work(task: Task) -> dict[str, Any]:
        done.append(task)
        return {"done": task.payload}

    async def main() -> Any:
        async with between(fake) as user:
            device = await device_of(user)
            await device.send("go on")
            await device.execute(work, tasks=2)
            device.fail(done[0], "too late")
            await until(lambda: len(fake.bodies) >= 9)
            return await device.receive("notification")

    assert run(main())["payload"] == {"title": "kept"}, "what was passed over is there for those who ask for it"
    assert [task.attempt for task in done] == [1]
    sent = [(one["type"], one["toDeviceId"], one["payload"]) for one in fake.bodies[4:9]]
    completed = {"commandId": "c-1", "status": "completed", "result": {"done": {"n": 1}}}
    assert sent == [
        ("ack", "server", {"originalMessageId": "c-1.1", "status": "delivered"}),
        ("task_status", "server", completed),
        ("ack", "server", {"originalMessageId": "c-1.2", "status": "delivered"}),
        ("task_status", "server", completed),
        ("task_status", "server", {"commandId": "c-1", "status": "failed", "error": "too late"}),
    ]
