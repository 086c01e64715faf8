"""Users that send numbered messages to a server which sends back what it gets."""

from __future__ import annotations

import re
from time import perf_counter

from pytest_roo_load.clients.websocket.connection import WebSocket
from pytest_roo_load.core.ports import User
from pytest_roo_load.core.sequence import SequenceCheck
from pytest_roo_load.errors import OperationError
from pytest_roo_load.workloads.swarm.part import Part
from pytest_roo_load.workloads.swarm.tally import CONNECTED, Tally

__all__ = ["Echo", "number_in"]

ROUND_TRIP = "round trip"
CONNECT, RECONNECT = "WS connect", "WS reconnect"
_TIMEOUT_S = 10.0
_OURS = re.compile(r"([0-9]{1,18}):(?:\.|$)")


class Echo:
    """One user with one connection."""

    def __init__(self, part: Part, user: User, tally: Tally) -> None:
        self._part = part
        self._user = user
        self._tally = tally
        self._sent = 0
        self._seen = SequenceCheck()
        self._socket: WebSocket | None = None

    def __repr__(self) -> str:
        return f"<Echo of user {self._user.id}, {self._sent} sent>"

    async def open(self) -> None:
        """Connect."""
        self._socket = await self._user.websocket.connect(self._part.path, name=CONNECT)
        self._user.record(CONNECTED, perf_counter())

    async def turn(self) -> None:
        """One message there and back: what comes back is read until it is the one."""
        socket, slot, number = self._socket, self._user.recorder.slot(ROUND_TRIP), self._sent
        assert socket is not None
        slot.started += 1
        began = perf_counter()
        try:
            socket.send(f"{number}:".ljust(self._part.size, "."))
            self._sent += 1
            while (got := number_in(await socket.receive(began + _TIMEOUT_S - perf_counter()))) != number:
                self._note(got)
        except OperationError as error:
            slot.fail(perf_counter() - began, error.kind, str(error))
            error.counted = True
            raise
        slot.ok.append(perf_counter() - began)
        self._seen.see(number)

    def _note(self, number: int | None) -> None:
        if number is None:
            self._tally.foreign += 1
        else:
            self._seen.see(number)

    async def storm(self) -> None:
        """Cut the connection and make it anew."""
        self._settle()
        self._cut()
        self._socket = await self._user.websocket.reconnect(self._part.path, attempts=10, name=RECONNECT)

    def _cut(self) -> None:
        assert self._socket is not None
        self._socket.abort()
        self._tally.cut += 1

    def _settle(self) -> None:
        self._tally.settle(self._sent, self._seen)
        self._sent, self._seen = 0, SequenceCheck()

    def close(self) -> None:
        """Say what became of the messages."""
        self._settle()


def number_in(message: str | bytes) -> int | None:
    """The number of a message of ours; None for any other, such as a greeting or a heartbeat."""
    text = message if isinstance(message, str) else message.decode(errors="replace")
    match = _OURS.match(text)
    return int(match[1]) if match else None
