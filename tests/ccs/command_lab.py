"""A device that executes commands, for the server's tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
from ccs_lab import Person

# What a device says to a command: a result, an exception for a failure, or None for nothing yet.
Work = Callable[[dict[str, Any]], Any]


class Device:
    """Executes every command it is sent with ``work``; keeps what it was sent, in order."""

    def __init__(self, person: Person, socket: aiohttp.ClientWebSocketResponse, work: Work) -> None:
        self.person = person
        self.started: list[dict[str, Any]] = []
        self.cancelled: list[str] = []
        self.most_at_a_time = 0
        self._open: set[str] = set()
        self._news = asyncio.Event()
        self._socket = socket
        self._work = work

    def __repr__(self) -> str:
        return f"<Device {self.person.device_id}: {len(self.started)} commands>"

    async def run(self) -> None:
        async for message in self._socket:
            frame = json.loads(message.data)
            match frame["type"]:
                case "task_start":
                    await self._start(frame)
                case "task_cancel":
                    self.cancelled.append(frame["payload"]["commandId"])

    async def finish(self, command: dict[str, Any], outcome: Any) -> None:
        """Tell the server how a command has ended."""
        self._open.discard(command["commandId"])
        fields = {"status": "completed", "result": outcome}
        if isinstance(outcome, Exception):
            fields = {"status": "failed", "error": str(outcome)}
        await self._tell("task_status", {"commandId": command["commandId"], **fields})

    async def has_started(self, count: int) -> None:
        """Wait until the device has been sent so many commands."""
        async with asyncio.timeout(20):
            while len(self.started) < count:
                self._news.clear()
                await self._news.wait()

    async def _start(self, frame: dict[str, Any]) -> None:
        command = frame["payload"]
        self.started.append(command)
        self._news.set()
        self._open.add(command["commandId"])
        self.most_at_a_time = max(self.most_at_a_time, len(self._open))
        await self._tell("ack", {"originalMessageId": frame["id"], "status": "delivered"})
        outcome = self._work(command)
        if outcome is not None:
            await self.finish(command, outcome)

    async def _tell(self, kind: str, payload: dict[str, Any]) -> None:
        await self._socket.send_json(self.person.frame(kind, toDeviceId="server", payload=payload, requiresAck=False))


def done(_: dict[str, Any]) -> Any:
    """The work of a device that does everything at once."""
    return {"done": True}


def nothing(_: dict[str, Any]) -> Any:
    """The work of a device that accepts commands and does not end them."""
    return None


@asynccontextmanager
async def device(person: Person, work: Work = done) -> AsyncIterator[Device]:
    """Connect a person's device and let it execute commands."""
    async with person.websocket() as socket:
        connected = Device(person, socket, work)
        task = asyncio.create_task(connected.run())
        try:
            yield connected
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def queue(person: Person, *commands: dict[str, Any]) -> list[str]:
    """Queue commands and return their ids."""
    answer = await person.api.post("/commands", list(commands))
    assert answer.status == 202, answer
    return [str(name) for name in answer.data["ids"]]


async def becomes(person: Person, command_id: str, *states: str) -> dict[str, Any]:
    """Wait until a command is in one of the states, and return it."""
    async with asyncio.timeout(20):
        while True:
            answer = await person.api.get(f"/commands/{command_id}")
            command: dict[str, Any] = answer.data["command"]
            if command["status"] in states:
                return command
            await asyncio.sleep(0.02)


async def all_become(person: Person, count: int, state: str = "completed") -> dict[str, Any]:
    """Wait until so many of a person's commands are in a state, and return the statistics."""
    async with asyncio.timeout(60):
        while True:
            stats: dict[str, Any] = (await person.api.get("/commands/stats")).data["stats"]
            if stats["by_status"].get(state) == count:
                return stats
            await asyncio.sleep(0.05)
