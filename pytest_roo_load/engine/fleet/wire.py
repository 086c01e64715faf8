"""How whoever leads a run and its generators talk: pickled messages, each after its length, over a Unix socket."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from dataclasses import dataclass

from pytest_roo_load.core.timeline import Second
from pytest_roo_load.engine.packing import dumps, loads
from pytest_roo_load.engine.shard import Shard
from pytest_roo_load.errors import UsageError

__all__ = ["Done", "Failed", "Go", "Message", "Ready", "Report", "Steer", "Stop", "Task", "Wire"]

_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Task:
    """To the generator, first: what to do."""

    shard: Shard


@dataclass(frozen=True, slots=True)
class Ready:
    """From the generator: journeys are loaded, the load could begin in this process."""

    pid: int


@dataclass(frozen=True, slots=True)
class Go:
    """To the generator: the load begins at this moment of the machine's monotonic clock."""

    start: float


@dataclass(frozen=True, slots=True)
class Stop:
    """To the generator: end the load now."""


@dataclass(frozen=True, slots=True)
class Steer:
    """To the generator: from a second of the load on, all generators together have so many arrivals a second."""

    from_s: float
    rate: float


@dataclass(frozen=True, slots=True)
class Report:
    """From the generator, every second."""

    second: Second


@dataclass(frozen=True, slots=True)
class Done:
    """From the generator, last: see `outcomes.pack_outcome`."""

    outcome: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """From the generator, last: what stopped it, and the mistake of the user's that did, if one did."""

    text: str
    mistake: UsageError | None = None


Message = Task | Ready | Go | Stop | Steer | Report | Done | Failed


class Wire:
    """One end of a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def __repr__(self) -> str:
        return f"<Wire {'closing' if self._writer.is_closing() else 'open'}>"

    def send(self, message: Message) -> None:
        """Queue a message; the other side is a process that reads at once, so the queue stays short."""
        data = dumps(message)
        self._writer.write(_LENGTH.pack(len(data)) + data)

    async def receive(self) -> Message:
        """The next message.

        Raises:
            asyncio.IncompleteReadError: The other side is gone.
        """
        (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
        message: Message = loads(await self._reader.readexactly(length))
        return message

    async def close(self) -> None:
        """Send what is queued and close; idempotent."""
        self._writer.close()
        with suppress(ConnectionError):  # the other side is gone already, which is what closing is for
            await self._writer.wait_closed()
