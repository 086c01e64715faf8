"""Phase 3.3.2.1: concurrent users, from a baseline of 10 to 250.

Six kinds of users think between their steps: those who converse, those who look things up, those who talk from one of
their devices to another over WebSockets, those who let a device execute commands, those who keep a file the same on two
devices, and those who come and go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_roo_load import arrival_rate, constant_users
from pytest_roo_load.clients.ccs import CCS, needs

if TYPE_CHECKING:
    from pytest_roo_load import User
    from pytest_roo_load.fixtures.capacity import CapacityFinder
    from pytest_roo_load.fixtures.load import VirtualUsers
    from pytest_roo_load.session.scale import Scale

pytestmark = pytest.mark.concurrent_users

LEVELS = [pytest.param(users, marks=pytest.mark.scenario(f"users-{users}")) for users in (10, 25, 50, 100, 250)]


async def converse(user: User) -> None:
    """Begin a conversation, then write to it and read it."""
    session = await CCS(user).login()
    conversation = await session.create_conversation()
    posted = 0
    async for number in user.iterations():
        await conversation.post(f"message {number} of user {user.id}")
        posted += 1
        await user.think(1, 3)
        latest = await conversation.messages(limit=20)
        user.check(len(latest["messages"]) == min(posted, 20), "the conversation holds what was posted")
        await user.think(1, 3)


def new_word(user: User) -> str:
    """A word that nobody has used before, for accounts may have a history."""
    return f"{user.run}x{user.id}x{user.random.getrandbits(32):08x}"


async def look_up(user: User) -> None:
    """Look at one's profile, conversations and messages."""
    session = await CCS(user).login()
    conversation = await session.create_conversation("Things to look up")
    word = new_word(user)
    await conversation.post(f"the figures of {word}")
    async for _ in user.iterations():
        profile = await session.profile()
        user.check(profile["user"]["id"] == session.user_id, "the profile is one's own")
        await user.think(1, 2)
        await session.conversations()
        await user.think(1, 2)
        found = await session.search(word)
        user.check(len(found["messages"]) == 1, "the search finds one's own message and no other's")
        await user.think(1, 2)


async def talk_across_devices(user: User) -> None:
    """Send from the desktop to the phone over WebSockets and answer."""
    account = CCS(user)
    desktop = await (await account.login("desktop")).connect()
    phone = await (await account.login("mobile")).connect()
    async for number in user.iterations():
        async with user.group("across devices and back"):
            await desktop.send(f"question {number}", to=phone.id)
            asked = await phone.receive()
            await phone.send(f"answer to {asked['payload']['content']}", to=desktop.id)
            answered = await desktop.receive()
        user.check(answered["payload"]["content"] == f"answer to question {number}", "the answer fits the question")
        await user.think(1, 3)


@needs("commands", "websocket")
async def run_commands(user: User) -> None:
    """Queue a command, let one's device execute it, and see that it was."""
    session = await CCS(user).login()
    device = await session.connect()
    async for number in user.iterations():
        async with user.group("command from queue to completion"):
            command = await session.command("custom", [device.id], payload={"number": number})
            await device.execute()
            ended = await command.ended()
        user.check(ended["status"] == "completed", "the command is completed")
        user.check(len(ended["effects"]) == 1, "the command has one effect")
        await user.think(1, 3)


@needs("files", "file sync")
async def sync_a_file(user: User) -> None:
    """Change a file on the desktop, and fetch the change on the phone."""
    account = CCS(user)
    desktop, phone = await account.login("desktop"), await account.login("mobile")
    cursor = await phone.all_changes_seen()
    path, version = f"notes-{new_word(user)}.txt", dict[str, Any]()
    async for number in user.iterations():
        content = f"version {number} of user {user.id}\n".encode() * 1000
        upload = await desktop.upload("notes.txt", content)
        base = {"base_hash": version["hash"]} if version else {}
        version = {"hash": upload.sha256, "size": len(content)}
        await desktop.offer_version(path, version | base)
        await user.think(1, 2)
        seen = await phone.changes(cursor)
        cursor = seen["cursor"]
        fetched = await phone.download(seen["changes"][-1]["file_id"])
        user.check(fetched == content, "the phone has what the desktop wrote")
        await user.think(1, 2)


async def come_and_go(user: User) -> None:
    """Log in, keep the session alive, log out."""
    account = CCS(user)
    await account.register()
    async for _ in user.iterations():
        session = await account.login_again("web")
        await user.think(1, 3)
        await session.refresh()
        await session.devices()
        await user.think(1, 3)
        await session.logout()
        await user.think(1, 3)


async def work(user: User) -> None:
    """Post, read and look at one's profile, without a pause: for so many times a second, not for so many people."""
    session = await CCS(user).login()
    conversation = await session.create_conversation()
    async for number in user.iterations():
        await conversation.post(f"message {number} of user {user.id}")
        await conversation.messages(limit=20)
        await session.profile()


MIX = ((converse, 3), (look_up, 2), (talk_across_devices, 2), (run_commands, 1), (sync_a_file, 1), (come_and_go, 1))


@pytest.mark.parametrize("users", LEVELS)
def test_concurrent_users(virtual_users: VirtualUsers, scale: Scale, users: int) -> None:
    """This many users at once meet the scenario's objectives, and nothing they were told was wrong."""
    steady = scale(quick="10 s", standard="30 s", soak="10 min")
    warm_up = scale(quick="5 s", standard="8 s", soak="30 s")
    result = virtual_users.run(dict(MIX), constant_users(users, steady, warm_up=warm_up))
    assert result.users >= users
    assert sum(broken for _, broken in result.steady.checks.values()) == 0


@pytest.mark.scenario("capacity-80")
def test_response_time_at_80_percent_of_capacity(
    virtual_users: VirtualUsers, capacity: CapacityFinder, scale: Scale
) -> None:
    """The rate that is too much is searched for; at 80 % of the highest that holds, the response time is met."""
    users = scale(quick=50, standard=100, soak=100)
    warm_up = scale(quick="1.5 s", standard="4 s", soak="5 s")
    step = scale(quick="2.5 s", standard="5 s", soak="20 s")
    found = capacity.find(
        work,
        lambda rate: arrival_rate(rate, step, max_users=users, warm_up=warm_up),
        start=scale(quick="200/s", standard="100/s", soak="100/s"),
        cool_down=scale(quick="0.5 s", standard="1 s", soak="5 s"),
        tolerance=scale(quick="50 %", standard="10 %", soak="5 %"),
    )
    steady = scale(quick="10 s", standard="30 s", soak="10 min")
    assert found.rate is not None
    result = virtual_users.run(work, arrival_rate(0.8 * found.rate, steady, max_users=users, warm_up=warm_up))
    assert result.dropped <= 0.01 * result.arrivals
