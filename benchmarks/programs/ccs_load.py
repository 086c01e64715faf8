"""Loads a server with one kind of operation: ``python -m benchmarks.programs.ccs_load URL KIND USERS SECONDS PID``.

Prints what the server, process PID, did in the window: {"rate": operations per second, "cpu_us": of the server, each}.
With the kind `connections` it opens USERS WebSockets, prints {"connected_s": ...}, and keeps them until it is killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from pytest_roo_load.clients.ccs import CCS, Session
from pytest_roo_load.clients.ccs.frames import new_frame
from pytest_roo_load.clients.sweeper import INTERVAL_S
from pytest_roo_load.testing.user import FakeUser

_WARM_UP_S = 1.0
_AT_ONCE = 16
_TEXT = "x" * 64

Operation = Callable[[], Awaitable[Any]]


class Slot:
    """Counts nothing: what is measured here is the server."""

    def __init__(self) -> None:
        self.started = 0
        self.ok: Any = self

    def append(self, _latency_s: float) -> None:
        """A success."""

    def fail(self, _latency_s: float, kind: str, exemplar: str) -> None:
        """A failure: the benchmark is void."""
        raise RuntimeError(f"{kind}: {exemplar}")


class Recorder:
    """Gives the one slot."""

    def __init__(self) -> None:
        self._slot = Slot()

    def slot(self, _name: str) -> Slot:
        """For any operation."""
        return self._slot

    group_slot = slot


def user_of(url: str, number: int) -> Any:
    """A virtual user without a load."""
    user: Any = FakeUser(number, target=url)
    user.run = "benchmark"
    user.recorder = Recorder()
    return user


async def bare(user: Any) -> Operation:
    """Ask the bare handler."""
    return lambda: user.http.get("/")


async def health(user: Any) -> Operation:
    """Ask for the health, which asks the database."""
    return lambda: user.http.get("/health")


async def profile(user: Any) -> Operation:
    """Ask for one's profile."""
    return (await CCS(user).login()).profile


async def post(user: Any) -> Operation:
    """Post to a conversation of one's own."""
    conversation = await (await CCS(user).login()).create_conversation()
    return lambda: conversation.post(_TEXT)


async def forward(user: Any) -> Operation:
    """Send from one device to the other, and wait for the word of delivery.

    The frame is made once, as that of `echo`, and what comes back is not parsed: else the users, and not the server,
    would be what is busy.
    """
    account = CCS(user)
    session = await account.login()
    desktop = await session.connect()
    phone = await (await account.login("mobile")).connect()
    sender = {"fromDeviceId": desktop.id, "userId": session.user_id}
    frame = new_frame(user.random, sender, "user_message", {"content": _TEXT}, phone.id)
    text, socket = json.dumps(frame | {"requiresAck": True}), desktop.socket

    async def send() -> None:
        socket.send(text)
        answer = ""
        while '"type":"ack"' not in answer:  # but of its registration, or news of the phone
            answer = str(await socket.receive())
        if '"status":"delivered"' not in answer:
            raise RuntimeError(f"not delivered: {answer}")

    return send


async def echo(user: Any) -> Operation:
    """Send a frame as large as those of `forward` to the bare handler, and wait for it."""
    socket = await user.websocket.connect("/ws")
    text = json.dumps({"id": "x" * 36, "payload": {"content": _TEXT}, "rest": "x" * 230})

    async def send() -> None:
        socket.send(text)
        await socket.receive()

    return send


KINDS = {"bare": bare, "health": health, "profile": profile, "post": post, "forward": forward, "echo": echo}


async def again(operation: Operation, done: Any) -> None:
    """Without a pause."""
    while True:
        await operation()
        next(done)


async def sweep(users: list[Any]) -> None:
    """Keep deadlines."""
    while True:
        await asyncio.sleep(INTERVAL_S)
        for user in users:
            user._sweeper.sweep(perf_counter())  # noqa: SLF001 - of the fake, whose own loop this is


def cpu_s(pid: int) -> float:
    """Seconds that all threads of a process have run, to the nanosecond: psutil's are in hundredths."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


async def load(url: str, kind: str, users: int, seconds: float, pid: int) -> dict[str, float]:
    """Operations of one kind from so many users; what the server did in the window."""
    people = [user_of(url, number) for number in range(users)]
    operations = [await KINDS[kind](user) for user in people]
    done = count()
    tasks = [asyncio.create_task(again(operation, done)) for operation in operations]
    tasks.append(asyncio.create_task(sweep(people)))
    await asyncio.sleep(_WARM_UP_S)
    began, before, used = perf_counter(), next(done), cpu_s(pid)
    ended, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in ended:
        task.result()
    lasted, operated, used = perf_counter() - began, next(done) - before, cpu_s(pid) - used
    return {"rate": operated / lasted, "cpu_us": used / operated * 1e6, "busy": used / lasted}


async def connections(url: str, number: int) -> None:
    """Open so many WebSockets, each with a user of its own, and keep them."""
    gate, sockets, began = asyncio.Semaphore(_AT_ONCE), [], perf_counter()

    async def open_one(session: Session) -> None:
        async with gate:
            sockets.append(await session.connect())

    async def log_in(user: Any) -> Session:
        async with gate:
            return await CCS(user).login()

    sessions = await asyncio.gather(*(log_in(user_of(url, one)) for one in range(number)))
    await asyncio.gather(*(open_one(session) for session in sessions))
    print(json.dumps({"connected_s": perf_counter() - began}), flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """As the command line says."""
    url, kind, users, seconds, pid = sys.argv[1:]
    if kind == "connections":
        uvloop.run(connections(url, int(users)))
    else:
        print(json.dumps(uvloop.run(load(url, kind, int(users), float(seconds), int(pid)))))


if __name__ == "__main__":
    main()
