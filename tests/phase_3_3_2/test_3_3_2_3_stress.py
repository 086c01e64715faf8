"""Phase 3.3.2.3: stress: what is broken or used up on purpose while users work, and what they notice of it.

Users go on whatever happens. They write down what was acknowledged and look for it when the load has ended.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pytest_roo_load import OperationError, arrival_rate, constant_users, observe, spiking_rate
from pytest_roo_load.clients.ccs import CCS

if TYPE_CHECKING:
    from pytest_roo_load import Result, User
    from pytest_roo_load.clients.ccs import Conversation, Session
    from pytest_roo_load.fixtures.capacity import CapacityFinder
    from pytest_roo_load.fixtures.chaos import Faults
    from pytest_roo_load.fixtures.consistency import Consistency
    from pytest_roo_load.fixtures.leaks import Leaks
    from pytest_roo_load.fixtures.load import VirtualUsers
    from pytest_roo_load.session.scale import Scale

pytestmark = pytest.mark.stress

READ_BACK = "conversations read back"
STORED = "files fetched again"
PAGE = 100
TABS = 9
SMALL_FILES = (64 * 1024, 512 * 1024)
WHOLE_CHUNKS = (1024 * 1024, 1024 * 1024)


async def keep_a_diary(user: User) -> None:
    """Post on and on, then read everything back."""
    session = await CCS(user).login()
    conversation = await session.create_conversation("A diary")
    async for number in user.iterations():
        with suppress(OperationError):
            async with observe(user, "add", key=conversation.id, value=f"entry {number}"):
                await conversation.post(f"entry {number}")
        await user.think(0.3, 0.7)
    async with observe(user, "read", key=conversation.id) as seen:
        seen.result = await everything_in(session, conversation)
    user.record(READ_BACK, 1)


async def come_back(user: User) -> None:
    """Open an app again and again: all its tabs log in at once, and it sends what was written meanwhile."""
    account = CCS(user)
    session = await account.login()
    conversation = await session.create_conversation("Written on the way")

    async def write(entry: str) -> None:
        with suppress(OperationError):
            async with observe(user, "add", key=conversation.id, value=entry):
                await conversation.post(entry)

    async def log_in() -> None:
        with suppress(OperationError):
            await account.login_again("web")

    async for number in user.iterations():
        await asyncio.gather(write(f"entry {number}"), *(log_in() for _ in range(TABS)))
    async with observe(user, "read", key=conversation.id) as seen:
        seen.result = await everything_in(session, conversation)
    user.record(READ_BACK, 1)


async def everything_in(session: Session, conversation: Conversation) -> list[str]:
    """The content of every message of a conversation."""
    found: list[str] = []
    while True:
        path = f"/conversations/{conversation.id}/messages?limit={PAGE}&offset={len(found)}"
        page = (await session.call("GET", path))["messages"]
        found += [message["content"] for message in page]
        if len(page) < PAGE:
            return found


async def store_files(user: User) -> None:
    """Store files of different sizes."""
    await store(user, SMALL_FILES)


async def store_whole_chunks(user: User) -> None:
    """Store files that fill one chunk each, which the server has in memory while it is received."""
    await store(user, WHOLE_CHUNKS)


async def store(user: User, sizes: tuple[int, int]) -> None:
    """Store one file after another, then fetch everything back that was taken."""
    session = await CCS(user).login()
    stored: dict[str, str] = {}
    async for _ in user.iterations():
        content = user.random.randbytes(user.random.randint(*sizes))
        sha256 = hashlib.sha256(content).hexdigest()
        with suppress(OperationError):
            async with observe(user, "upload", key=sha256, value=sha256):
                stored[sha256] = str((await session.upload("noise.bin", content, raw=True)).file_id)
        await user.think(0.3, 0.7)
    for sha256, file_id in stored.items():
        async with observe(user, "download", key=sha256) as seen:
            seen.result = hashlib.sha256(await session.download(file_id)).hexdigest()
    user.record(STORED, len(stored))


def time_to_fetch(scale: Scale) -> str:
    """How long users may take at the end to fetch everything again."""
    return scale(quick="15 s", standard="1 min", soak="5 min")


def expect_every_file(result: Result, consistency: Consistency, users: int) -> None:
    """Each user has fetched all files at the end that the server had taken, and they are what was sent."""
    consistency.files(result)
    assert len(result.values[STORED].items) == users


def expect_every_entry(result: Result, consistency: Consistency, users: int) -> None:
    """Each user has read the whole diary at the end, and everything acknowledged was in it."""
    consistency.elements(result)
    assert len(result.values[READ_BACK].items) == users


def errors_of(result: Result) -> set[str]:
    """The kinds of errors that users met, whenever."""
    return {kind for phase in result.phases.values() for kind in phase.errors}


@pytest.mark.scenario("cascade")
def test_cascading_failure(virtual_users: VirtualUsers, faults: Faults, consistency: Consistency, scale: Scale) -> None:
    """Redis dies, then PostgreSQL, then the server stands still and dies; everything comes back by itself."""
    down = scale(quick="500 ms", standard="3 s", soak="20 s")
    apart = scale(quick="500 ms", standard="5 s", soak="30 s")
    duration = scale(quick="10 s", standard="50 s", soak="5 min")
    cascade = faults.at("2 s").kill("redis").then_after(down).restart("redis")
    cascade = cascade.then_after(apart).kill("postgres").then_after(down).restart("postgres")
    cascade = cascade.then_after(apart).pause("ccs", duration=down).then_after(apart).restart("ccs")
    result = virtual_users.run(keep_a_diary, constant_users(50, duration, warm_up="1 s"), faults=cascade)
    assert errors_of(result), "nobody noticed"
    expect_every_entry(result, consistency, 50)


@pytest.mark.scenario("overload")
def test_overload(
    virtual_users: VirtualUsers, capacity: CapacityFinder, consistency: Consistency, scale: Scale
) -> None:
    """Three times what the server can do: it refuses what is too much at once, and is itself again afterwards."""
    warm_up = scale(quick="500 ms", standard="2 s", soak="5 s")
    step = scale(quick="1 s", standard="3 s", soak="20 s")
    found = capacity.find(
        come_back,
        lambda rate: arrival_rate(rate, step, max_users=30, warm_up=warm_up),
        start="40/s",
        cool_down=scale(quick="200 ms", standard="1 s", soak="5 s"),
        tolerance=scale(quick="100 %", standard="20 %", soak="10 %"),
    )
    assert found.rate is not None
    assert found.too_much is not None
    before, lasts, after = scale(
        quick=("2 s", "2 s", "6 s"), standard=("6 s", "15 s", "12 s"), soak=("1 min", "2 min", "2 min")
    )
    flood = spiking_rate(found.rate / 4, 3 * found.too_much, before=before, spike=lasts, after=after, max_users=150)
    result = virtual_users.run(come_back, flood)
    assert set(result.phases["spike"].errors) == {"status 503"}, "what is too much was not refused, or was lost"
    expect_every_entry(result, consistency, 150)


@pytest.mark.scenario("network-slow")
def test_slow_network(virtual_users: VirtualUsers, faults: Faults, consistency: Consistency, scale: Scale) -> None:
    """Answers to users are late, and packets of users and of the database's answers are lost."""
    lasts = scale(quick="3 s", standard="15 s", soak="2 min")
    duration = scale(quick="8 s", standard="40 s", soak="5 min")
    slow = faults.at("2 s").slow("ccs", latency="200 ms", jitter="50 ms", duration=lasts)
    slow = slow.at("2 s").lose("ccs", rate="5 %", duration=lasts).at("2 s").lose("postgres", rate="5 %", duration=lasts)
    result = virtual_users.run(keep_a_diary, constant_users(40, duration, warm_up="1 s"), faults=slow)
    assert result.phases["fault"].count, "nobody worked while it was slow"
    expect_every_entry(result, consistency, 40)


@pytest.mark.scenario("network-broken")
def test_broken_network(virtual_users: VirtualUsers, faults: Faults, consistency: Consistency, scale: Scale) -> None:
    """Connections are reset, and nothing gets through between users, the server, its database and its cache."""
    lasts = scale(quick="500 ms", standard="3 s", soak="20 s")
    apart = scale(quick="500 ms", standard="4 s", soak="20 s")
    duration = scale(quick="9 s", standard="45 s", soak="5 min")
    broken = faults.at("2 s").cut("ccs", duration=lasts).then_after(apart).partition("postgres", duration=lasts)
    broken = broken.then_after(apart).partition("redis", duration=lasts)
    broken = broken.then_after(apart).reset("postgres", duration=lasts)
    result = virtual_users.run(keep_a_diary, constant_users(40, duration, warm_up="1 s"), faults=broken)
    assert errors_of(result), "nobody noticed"
    expect_every_entry(result, consistency, 40)


@pytest.mark.scenario("database-connections")
def test_no_connection_left(
    virtual_users: VirtualUsers, faults: Faults, consistency: Consistency, scale: Scale
) -> None:
    """The server loses its connections to PostgreSQL, and others have taken all that there are before it is back."""
    lasts = scale(quick="2 s", standard="10 s", soak="1 min")
    duration = scale(quick="9 s", standard="30 s", soak="5 min")
    storm = faults.at("2 s").cut("postgres", duration="1 s").at("2500 ms").fill_connections(duration=lasts)
    result = virtual_users.run(keep_a_diary, constant_users(40, duration, warm_up="1 s"), faults=storm)
    assert "status 503" in errors_of(result)
    expect_every_entry(result, consistency, 40)


@pytest.mark.scenario("exhaustion")
def test_exhaustion(virtual_users: VirtualUsers, faults: Faults, consistency: Consistency, scale: Scale) -> None:
    """The server is at its limit of memory, then it has no descriptor left, then little CPU."""
    lasts = scale(quick="2 s", standard="8 s", soak="15 s")
    apart = scale(quick="500 ms", standard="5 s", soak="15 s")
    duration = scale(quick="12500 ms", standard="45 s", soak="90 s")
    used_up = faults.at("2 s").limit_memory("ccs", spare="8 MB", duration=lasts)
    used_up = used_up.then_after(apart).limit_files("ccs", duration=lasts)
    used_up = used_up.then_after(apart).limit_cpu("ccs", share="10 %", duration=lasts)
    mix = {keep_a_diary: 1, store_whole_chunks: 1}
    users = constant_users(60, duration, warm_up="1 s", graceful_stop=time_to_fetch(scale))
    result = virtual_users.run(mix, users, faults=used_up)
    for phase in ("fault", "fault 2"):
        assert "status 503" in result.phases[phase].errors
    expect_every_entry(result, consistency, 30)
    expect_every_file(result, consistency, 30)


@pytest.mark.scenario("disk-full")
def test_full_disk(virtual_users: VirtualUsers, faults: Faults, consistency: Consistency, scale: Scale) -> None:
    """The disk with the server's files is full: uploads are refused by 507, and no file is corrupted."""
    lasts = scale(quick="2 s", standard="15 s", soak="1 min")
    duration = scale(quick="7 s", standard="35 s", soak="3 min")
    full = faults.at("2 s").fill_disk("ccs", duration=lasts)
    users = constant_users(20, duration, warm_up="1 s", graceful_stop=time_to_fetch(scale))
    result = virtual_users.run(store_files, users, faults=full)
    assert "status 507" in errors_of(result)
    expect_every_file(result, consistency, 20)


@pytest.mark.scenario("leaks")
def test_no_leak(virtual_users: VirtualUsers, leaks: Leaks, scale: Scale) -> None:
    """Under a steady load the server's memory, descriptors, connections and threads do not go on growing."""
    duration = scale(quick="17 s", standard="1 min", soak="30 min")
    warm_up = scale(quick="1 s", standard="15 s", soak="2 min")
    mix = {keep_a_diary: 4, store_files: 1}
    users = constant_users(25, duration, warm_up=warm_up, graceful_stop=time_to_fetch(scale))
    result = virtual_users.run(mix, users)
    found = [leaks.check(result, "ccs", use) for use in ("memory", "descriptors", "connections", "threads")]
    assert all(finding.checked for finding in found)
