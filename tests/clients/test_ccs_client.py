"""The client of the CCS against a small server that speaks the wire format and keeps no data."""

from __future__ import annotations

from typing import Any

import pytest
from client_lab import counted, run
from fake_ccs import CONVERSATION, FakeCCS, between, device_of

from pytest_roo_load.clients.ccs import CCS, Session
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import UnexpectedAnswer


def test_every_request_is_an_operation_named_by_its_route() -> None:
    fake = FakeCCS()

    async def main() -> tuple[PhaseRecorder, Session, Any]:
        async with between(fake) as user:
            session = await CCS(user).login("mobile")
            conversation = await session.create_conversation()
            assert conversation.id == CONVERSATION
            await conversation.post("hello")
            messages = await conversation.messages()
            await conversation.archive()
            await session.conversations()
            await session.search("a b&c")
            await session.profile()
            await session.devices()
            await session.logout()
        return user.recorder, session, messages

    recorder, session, messages = run(main())
    assert messages == {"messages": [1]}, "the envelope is taken off"
    assert repr(session) == "<Session s-1 of user u-1 on a mobile>"
    assert counted(recorder) == {
        name: (1, {}, 0)
        for name in (
            "POST /auth/register",
            "POST /auth/login",
            "POST /conversations",
            "POST /conversations/:id/messages",
            "GET /conversations/:id/messages",
            "DELETE /conversations/:id",
            "GET /conversations",
            "GET /messages/search",
            "GET /users/profile",
            "GET /users/devices",
            "POST /auth/logout",
        )
    }


def test_what_goes_over_the_wire() -> None:
    fake = FakeCCS()

    async def main() -> None:
        async with between(fake) as user:
            ccs = CCS(user)
            assert repr(ccs) == "<CCS for user-7@abc.test>"
            session = await ccs.login()
            await session.search("a b&c")
            await session.refresh()
            await session.logout()

    run(main())
    register, login, search, refresh, logout = fake.requests
    assert fake.bodies[0] == {"email": "user-7@abc.test", "password": "Virtual-User-1!", "display_name": "User 7"}
    assert fake.bodies[1]["device_type"] == "desktop"
    assert "Authorization" not in register.headers
    assert "Authorization" not in login.headers
    assert search.headers["Authorization"] == "Bearer access-1"
    assert search.headers["X-Device-ID"] == "d-1"
    assert search.query["q"] == "a b&c"
    assert fake.bodies[3] == {"refresh_token": "refresh-1", "device_id": "d-1"}
    assert refresh.path == "/api/v1/auth/refresh"
    assert (logout.headers["Authorization"], logout.headers["X-Session-ID"]) == ("Bearer access-2", "s-1")


def test_a_refusal_is_counted_once_and_raised() -> None:
    fake = FakeCCS()
    fake.answers["POST", "/auth/login"] = (401, None)

    async def main() -> PhaseRecorder:
        async with between(fake) as user:
            with pytest.raises(UnexpectedAnswer, match="POST /auth/login: status 401") as caught:
                await CCS(user).login()
            assert caught.value.kind == "status 401"
            assert caught.value.counted
        recorder: PhaseRecorder = user.recorder
        return recorder

    assert counted(run(main())) == {"POST /auth/register": (1, {}, 0), "POST /auth/login": (0, {"status 401": 1}, 0)}


def test_a_device_registers_sends_and_receives() -> None:
    fake = FakeCCS()
    fake.extra = ['{"type": "presence", "payload": null}']

    async def main() -> tuple[PhaseRecorder, dict[str, Any]]:
        async with between(fake) as user:
            device = await device_of(user)
            await device.send("hello", to="d-2")
            frame = await device.receive()
            await device.close()
            assert repr(device) == "<Device d-1 on <WebSocket closed, 0 questions open>>"
        return user.recorder, frame

    recorder, received = run(main())
    assert received["payload"] == {"content": "from elsewhere"}, "acknowledgements and typing are passed over"
    registered, sent = fake.bodies[2:]
    assert dict(fake.requests[2].query) == {
        "deviceId": "d-1", "userId": "u-1", "deviceType": "desktop", "platform": "linux", "version": "1.0.0",
        "token": "access-1",
    }  # fmt: skip
    assert registered["payload"]["capabilities"]["supportsFileSync"] is True
    assert (sent["toDeviceId"], sent["requiresAck"], sent["payload"]) == ("d-2", True, {"content": "hello"})
    names = ("POST /auth/register", "POST /auth/login", "WS /ws", "WS device_register", "WS user_message")
    assert counted(recorder) == {name: (1, {}, 0) for name in names}


@pytest.mark.parametrize(
    "answer", [("error", {"message": "unknown device"}), ("ack", {"status": "failed", "sessionId": "s-1"})]
)
def test_a_refused_registration_is_counted_and_raised(answer: tuple[str, dict[str, Any]]) -> None:
    fake = FakeCCS()
    fake.register_answer = answer

    async def main() -> PhaseRecorder:
        async with between(fake) as user:
            with pytest.raises(UnexpectedAnswer, match="refused"):
                await device_of(user)
        recorder: PhaseRecorder = user.recorder
        return recorder

    assert counted(run(main()))["WS device_register"] == (0, {"unexpected answer": 1}, 0)


def test_a_failed_delivery_is_a_failed_operation() -> None:
    fake = FakeCCS()
    fake.delivery = {"status": "failed", "error": "offline"}

    async def main() -> PhaseRecorder:
        async with between(fake) as user:
            device = await device_of(user)
            with pytest.raises(UnexpectedAnswer, match="offline"):
                await device.send("hello")
        recorder: PhaseRecorder = user.recorder
        return recorder

    assert counted(run(main()))["WS user_message"] == (0, {"unexpected answer": 1}, 0)


@pytest.mark.parametrize("nonsense", ["no JSON", "[]"])
def test_a_frame_that_is_none_is_a_violation_of_the_protocol(nonsense: str) -> None:
    fake = FakeCCS()
    fake.extra = [nonsense]

    async def main() -> PhaseRecorder:
        async with between(fake) as user:
            device = await device_of(user)
            with pytest.raises(Exception, match="cannot be understood"):
                await device.send("hello")
        recorder: PhaseRecorder = user.recorder
        return recorder

    assert counted(run(main()))["WS user_message"] == (0, {"protocol": 1}, 0)
