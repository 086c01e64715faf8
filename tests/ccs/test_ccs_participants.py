"""The running server: who takes part in a conversation, and what messages were before they were edited."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from ccs_lab import Answer, new_person, visit


def ids(answer: Answer) -> list[str]:
    return [row["user_id"] for row in answer.data["participants"]]


def test_an_owner_adds_changes_and_removes_participants(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            owner, guest, stranger = [await new_person(api) for _ in range(3)]
            conversation = f"/conversations/{await owner.conversation()}"
            path = f"{conversation}/participants"
            added = await owner.api.post(path, {"user_id": guest.user_id, "role": "viewer"})
            assert (added.status, added.data["participant"]["role"]) == (201, "viewer")
            assert (await guest.api.post(f"{conversation}/messages", {"content": "x"})).status == 403
            again = await owner.api.post(path, {"user_id": guest.user_id})
            assert (again.status, again.code) == (409, "PARTICIPANT_EXISTS")
            changed = await owner.api.put(f"{path}/{guest.user_id}", {"role": "participant"})
            assert changed.data["participant"]["role"] == "participant"
            assert (await guest.api.post(f"{conversation}/messages", {"content": "x"})).status == 201
            listed = await guest.api.get(path)
            assert ids(listed) == [owner.user_id, guest.user_id]
            assert listed.data["pagination"]["total_count"] == 2
            assert ids(await guest.api.get(f"{path}?limit=1&offset=1")) == [guest.user_id]
            assert (await owner.api.delete(f"{path}/{guest.user_id}")).status == 200
            assert (await guest.api.get(path)).code == "PERMISSION_DENIED"
            assert (await owner.api.delete(f"{path}/{guest.user_id}")).code == "PARTICIPANT_NOT_FOUND"
            assert (await stranger.api.get(path)).code == "PERMISSION_DENIED"

    asyncio.run(scenario())


def test_others_may_only_leave_and_an_owner_stays(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            owner, guest, stranger = [await new_person(api) for _ in range(3)]
            roles = [{"user_id": guest.user_id, "role": "participant"}]
            conversation = await owner.conversation(participants=roles)
            path = f"/conversations/{conversation}/participants"
            for person in (guest, stranger):
                tries = [
                    person.api.post(path, {"user_id": stranger.user_id}),
                    person.api.put(f"{path}/{guest.user_id}", {"role": "viewer"}),
                    person.api.delete(f"{path}/{owner.user_id}"),
                ]
                assert {(answer.status, answer.code) for answer in await asyncio.gather(*tries)} == {
                    (403, "PERMISSION_DENIED")
                }
            assert (await owner.api.delete(f"{path}/{owner.user_id}")).status == 403
            assert (await owner.api.put(f"{path}/{owner.user_id}", {"role": "viewer"})).status == 403
            assert (await owner.api.post(path, {"user_id": str(uuid.uuid4())})).code == "USER_NOT_FOUND"
            assert (await owner.api.post(path, {"user_id": guest.user_id, "role": "owner"})).code == "VALIDATION_ERROR"
            absent = f"/conversations/{uuid.uuid4()}/participants"
            assert (await owner.api.get(absent)).code == "CONVERSATION_NOT_FOUND"
            assert (await owner.api.put(f"{path}/{stranger.user_id}", {"role": "viewer"})).status == 404
            assert (await guest.api.delete(f"{path}/{guest.user_id}")).status == 200
            assert ids(await owner.api.get(path)) == [owner.user_id]

    asyncio.run(scenario())


def test_what_a_message_was_before_is_kept(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person, stranger = await new_person(api), await new_person(api)
            path = f"/conversations/{await person.conversation()}/messages"
            message = f"/messages/{(await person.api.post(path, {'content': 'one'})).data['message']['id']}"
            for content in ("two", {"n": 3}):
                await person.api.put(message, {"content": content})
            changes = (await person.api.get(f"{message}/changes")).data
            assert [row["content_before"] for row in changes["changes"]] == ["one", "two"]
            assert {(row["change"], row["changed_by"]) for row in changes["changes"]} == {("edited", person.user_id)}
            assert changes["pagination"]["total_count"] == 2
            assert (await stranger.api.get(f"{message}/changes")).code == "PERMISSION_DENIED"

    asyncio.run(scenario())


def test_devices_come_in_pages(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            for number in range(3):
                await person.api.post("/users/devices", {"device_name": f"d{number}", "device_type": "web"})
            page = (await person.api.get("/users/devices?limit=2&offset=1")).data
            assert [device["device_name"] for device in page["devices"]] == ["d0", "d1"]
            assert page["pagination"] == {"total_count": 4, "has_more": True, "limit": 2, "offset": 1}

    asyncio.run(scenario())
