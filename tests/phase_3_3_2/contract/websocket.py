"""The WebSocket: who is let in, what reaches whom, and what is no frame."""

from __future__ import annotations

import uuid

from .visit import NotChecked, Visit

_QUIET_S = 0.5
_BROKEN = ("{", "nonsense", "[]", "null", '{"type": "user_message"}', '{"id": 1, "type": 2}', "\u0000")
_TOO_LONG = 16 * 1024 * 1024 + 1


async def a_device_is_challenged_and_let_in(visit: Visit) -> None:
    """The server says device_register first, and answers the device's own with ack {status: success, sessionId}."""
    async with visit.open_socket(await visit.person()) as socket:
        answer = await socket.register()
        assert {"status", "sessionId", "serverTime"} <= answer["payload"].keys(), answer


async def nothing_is_taken_before_the_registration(visit: Visit) -> None:
    """A message of who has not registered is answered with the error "Authentication required"."""
    async with visit.open_socket(await visit.person()) as socket:
        await socket.next("device_register")
        await socket.tell("user_message", {"content": "let me in"})
        answer = await socket.next("error", "ack")
        assert "Authentication required" in str(answer["payload"]), answer


async def nobody_speaks_in_the_name_of_another(visit: Visit) -> None:
    """Whoever claims another user is turned out with 1008; a frame in another's name reaches nobody."""
    victim, other = await visit.person(), await visit.person(1)
    async with visit.open_socket(other, user_id=victim.user_id, device_id=victim.device_id) as socket:
        await socket.next("device_register")
        answer = await socket.ask_to_register()
        assert answer["type"] == "error", f"let in as another user: {answer}"
        code = await socket.closed_with()
        assert code == 1008, f"closed with {code} instead of 1008"
    async with visit.socket(victim) as listener, visit.socket(other) as socket:
        await socket.tell("user_message", {"content": "forged"}, userId=victim.user_id, toDeviceId=victim.device_id)
        heard = await listener.every("user_message", quiet_s=_QUIET_S)
        assert not heard, f"delivered in the name of another user: {heard}"


async def a_message_reaches_the_device_that_it_is_for(visit: Visit) -> None:
    """With toDeviceId a frame goes to that device as it is; requiresAck is answered with ack {status: delivered}."""
    person, phone = await visit.person(), await visit.second_device()
    async with visit.socket(person) as sender, visit.socket(phone) as receiver:
        sent = await sender.tell("user_message", {"content": "hi"}, toDeviceId=phone.device_id, requiresAck=True)
        assert (await sender.ack_of(sent))["status"] == "delivered"
        received = await receiver.next("user_message")
        assert (received["id"], received["payload"]) == (sent["id"], sent["payload"]), received


async def a_message_for_nobody_in_particular_reaches_all_others(visit: Visit) -> None:
    """Without toDeviceId a frame goes to all devices of the user, not to its sender nor to another user."""
    person, phone, stranger = await visit.person(), await visit.second_device(), await visit.person(1)
    async with visit.socket(person) as sender, visit.socket(phone) as receiver, visit.socket(stranger) as elsewhere:
        sent = await sender.tell("user_message", {"content": "all of you"})
        assert (await receiver.next("user_message"))["id"] == sent["id"]
        for other in (sender, elsewhere):
            assert not await other.every("user_message", quiet_s=_QUIET_S), "it reached whom it was not for"


async def a_message_for_a_device_that_is_not_there_is_told_as_failed(visit: Visit) -> None:
    """RequiresAck is answered with ack {status: failed, error} when the user has no such device."""
    async with visit.socket(await visit.person()) as socket:
        sent = await socket.tell("user_message", {"content": "?"}, toDeviceId=str(uuid.uuid4()), requiresAck=True)
        answer = await socket.ack_of(sent)
        assert answer["status"] == "failed", answer
        assert answer.get("error"), answer


async def a_heartbeat_is_answered(visit: Visit) -> None:
    """A heartbeat with requiresAck is acknowledged."""
    async with visit.socket(await visit.person()) as socket:
        sent = await socket.tell("heartbeat", {}, requiresAck=True)
        assert (await socket.ack_of(sent))["type"] == "ack"


async def messages_for_a_device_that_is_away_wait_in_order(visit: Visit) -> None:
    """What is sent to a device that is away is there when it comes back, first in first out inside one priority."""
    person, phone = await visit.person(), await visit.second_device()
    async with visit.socket(phone):
        pass  # known to the server, and away from here on
    for_phone = {"toDeviceId": phone.device_id, "requiresAck": True}
    async with visit.socket(person) as sender:
        sent = [await sender.tell("user_message", {"number": n}, **for_phone) for n in range(5)]
        answers = [await sender.ack_of(frame) for frame in sent]
        if all(answer["status"] == "failed" for answer in answers):
            raise NotChecked(f"not offered: a queue for devices that are away: {answers[0]}")
    async with visit.socket(phone) as receiver:
        received = await receiver.every("user_message", quiet_s=2 * _QUIET_S)
    numbers = [frame["payload"].get("number") for frame in received if frame["id"] in {one["id"] for one in sent}]
    assert numbers == [0, 1, 2, 3, 4], f"of the messages 0 to 4 came {numbers}"


async def a_frame_of_more_than_16_mib_closes_with_1009(visit: Visit) -> None:
    """A frame that is too large ends its connection with 1009."""
    async with visit.socket(await visit.person()) as socket:
        await socket.raw.send_str("x" * _TOO_LONG)
        code = await socket.closed_with()
        assert code == 1009, f"closed with {code} instead of 1009"


async def what_is_no_frame_is_told_and_ends_nothing(visit: Visit) -> None:
    """Text that is no frame is answered with error, and both the connection and the server live on."""
    async with visit.socket(await visit.person()) as socket:
        for text in _BROKEN:
            await socket.raw.send_str(text)
            await socket.next("error")
        await socket.raw.send_bytes(b"\x00\xff")
        await socket.next("error")
        sent = await socket.tell("heartbeat", {}, requiresAck=True)
        assert (await socket.ack_of(sent))["type"] == "ack"
    (await visit.ask("GET", "/health")).must_be(200)


STATEMENTS = (
    a_device_is_challenged_and_let_in,
    nothing_is_taken_before_the_registration,
    nobody_speaks_in_the_name_of_another,
    a_message_reaches_the_device_that_it_is_for,
    a_message_for_nobody_in_particular_reaches_all_others,
    a_message_for_a_device_that_is_not_there_is_told_as_failed,
    a_heartbeat_is_answered,
    messages_for_a_device_that_is_away_wait_in_order,
    a_frame_of_more_than_16_mib_closes_with_1009,
    what_is_no_frame_is_told_and_ends_nothing,
)
