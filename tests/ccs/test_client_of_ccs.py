"""The client of the CCS against the reference server: what the phase's journeys do not use as well."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_roo_load.clients.ccs import CCS, Task
from pytest_roo_load.clients.ccs.files import Content, Generated
from pytest_roo_load.clients.ccs.offers import FEATURES, answer_without
from pytest_roo_load.errors import OperationTimeout, UnexpectedAnswer
from pytest_roo_load.testing import FakeUser

MIB = 2**20
CONTENT = random.Random(1).randbytes(2 * MIB + 7)


@pytest.fixture
def perform(target: Any, request: pytest.FixtureRequest) -> Callable[[Callable[..., Awaitable[None]]], Any]:
    """Performs a journey once, as a user that nobody else is; what it recorded."""

    def run(journey: Callable[..., Awaitable[None]]) -> Any:
        user = FakeUser(target=target.url)
        user.run = f"{abs(hash(request.node.nodeid)):x}-{random.SystemRandom().getrandbits(32):x}"
        return user.perform(journey)

    return run


@pytest.mark.parametrize("raw", [False, True], ids=["forms", "raw"])
@pytest.mark.parametrize("kind", ["bytes", "file", "generated"])
def test_a_file_goes_there_and_back(perform: Any, tmp_path: Path, kind: str, raw: bool) -> None:  # noqa: FBT001
    (tmp_path / "big.bin").write_bytes(CONTENT)
    contents: dict[str, Content] = {
        "bytes": CONTENT,
        "file": tmp_path / "big.bin",
        "generated": Generated(len(CONTENT), lambda start, length: CONTENT[start : start + length]),
    }

    async def journey(user: Any) -> None:
        session = await CCS(user).login()
        upload = await session.upload("big.bin", contents[kind], raw=raw)
        assert (upload.status, upload.total) == ("completed", 3)
        assert repr(upload) == f"<Upload {upload.id} of 3 chunks, completed>"
        assert await session.download(upload.file_id, range(MIB - 5, MIB + 5)) == CONTENT[MIB - 5 : MIB + 5]
        async with session.stream_download(upload.file_id, start=MIB) as answer:
            assert b"".join([piece async for piece in answer]) == CONTENT[MIB:]

    perform(journey)


def test_an_upload_goes_on_after_a_cut(perform: Any) -> None:
    async def journey(user: Any) -> None:
        session = await CCS(user).login()
        upload = await session.start_upload("big.bin", CONTENT)
        await upload.send(1)
        await upload.send(1)
        assert await upload.missing() == [0, 2]
        await upload.resume()
        assert await session.download(upload.file_id) == CONTENT

    perform(journey)


def test_a_file_that_is_not_what_was_announced_is_not_taken_for_sent(perform: Any) -> None:
    changing = iter((b"announced", b"different"))

    async def journey(user: Any) -> None:
        session = await CCS(user).login()
        with pytest.raises(UnexpectedAnswer):
            await session.upload("a", Generated(9, lambda _start, _length: next(changing)))
        with pytest.raises(UnexpectedAnswer, match="status 404"):
            async with session.stream_download("00000000-0000-0000-0000-000000000000"):
                raise AssertionError("nothing to read")

    perform(journey)


def test_devices_agree_on_versions_or_learn_of_the_conflict(perform: Any) -> None:
    async def journey(user: Any) -> None:
        session = await CCS(user).login()
        first, second = ({"hash": character * 64, "size": 1} for character in "ab")
        assert (await session.offer_version("a.txt", first))["changed"] is True
        assert "conflict" in await session.offer_version("a.txt", second)
        cursor = await session.all_changes_seen()
        await session.offer_version("a.txt", second | {"base_hash": first["hash"]})
        [change] = (await session.changes(cursor))["changes"]
        assert change["hash"] == second["hash"]

    perform(journey)


def test_commands_are_queued_in_bulk_cancelled_counted_and_repeated(perform: Any) -> None:
    attempts: list[Task] = []

    async def journey(user: Any) -> None:
        session = await CCS(user).login()
        device = await session.connect()
        patience = {"config": {"retries": 1, "retry_delay_s": 0.01}}
        again = await session.command("custom", [device.id], payload={"n": 1}, **patience)
        attempts.append(await device.next_task())
        device.accept(attempts[-1])
        device.fail(attempts[-1], "not yet")
        attempts.append(await device.next_task())
        device.complete(attempts[-1])
        assert (await again.ended())["attempts"] == 2
        bodies = [{"type": "custom", "target_device_ids": [device.id]} for _ in range(2)]
        one, other = await session.commands(bodies)
        await other.cancel()
        with pytest.raises(OperationTimeout, match=f"command {one.id} is "):
            await one.ended(timeout_s=0.05, every_s=0.01)
        await device.execute()
        assert (await one.ended())["status"] == "completed"
        assert (await session.command_stats())["by_status"] == {"completed": 2, "cancelled": 1}
        assert repr(one) == f"<Command {one.id}>"

    perform(journey)
    assert [(task.attempt, task.kind, task.payload) for task in attempts] == [
        (1, "custom", {"n": 1}),
        (2, "custom", {"n": 1}),
    ]


def test_devices_notify_hand_over_and_show_who_types_and_is_there(perform: Any) -> None:
    async def journey(user: Any) -> None:
        account = CCS(user)
        desktop = await (await account.login()).connect()
        phone = await (await account.login("mobile")).connect()
        desktop.presence("away")
        while (await phone.receive("presence", timeout_s=5.0))["payload"]["status"] != "away":
            pass  # that it is there at all is told before
        desktop.typing("c-1")
        assert (await phone.receive("typing"))["payload"]["conversationId"] == "c-1"
        await desktop.notify("look", to=phone.id)
        await desktop.hand_over({"file": "a.txt"}, to=phone.id)
        assert (await phone.receive("device_handoff"))["payload"]["file"] == "a.txt"
        assert (await phone.receive("notification"))["payload"]["title"] == "look"
        await phone.heartbeat()
        assert repr(phone).startswith(f"<Device {phone.id} on ")

    perform(journey)


def test_messages_are_changed_and_users_made_in_batches(perform: Any) -> None:
    async def journey(user: Any) -> None:
        session = await CCS(user).login()
        conversation = await session.create_conversation()
        message = (await conversation.post("one"))["message"]["id"]
        await session.edit_message(message, "two")
        assert [row["content"] for row in (await conversation.messages())["messages"]] == ["two"]
        await session.delete_message(message)
        assert (await conversation.messages())["messages"] == []
        made = await session.batch_users(
            [{"op": "create", "email": f"b-{user.run}@x.org", "password": "Batch-user-1!"}]
        )
        assert [result["success"] for result in made["results"]] == [True]

    perform(journey)


def test_the_reference_server_offers_everything(perform: Any) -> None:
    answers: dict[str, str | None] = {}

    async def journey(user: Any) -> None:
        session = await CCS(user).login()
        for feature in FEATURES:
            answers[feature] = await answer_without(user, session, feature)

    perform(journey)
    assert answers == dict.fromkeys(FEATURES)
