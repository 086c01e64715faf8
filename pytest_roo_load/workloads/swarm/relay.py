"""Users with several devices each, between which the server relays what one of them sends."""

from __future__ import annotations

import asyncio
from time import perf_counter

from pytest_roo_load.clients.ccs import CCS
from pytest_roo_load.clients.ccs.device import Device
from pytest_roo_load.clients.ccs.session import Session
from pytest_roo_load.core.ports import User
from pytest_roo_load.core.sequence import SequenceCheck
from pytest_roo_load.errors import OperationError, OperationTimeout
from pytest_roo_load.workloads.swarm.part import Part
from pytest_roo_load.workloads.swarm.tally import CONNECTED, Tally

__all__ = ["Relay"]

RELAYED, FAN_OUT, RECONNECT = "relayed message", "fan-out to all devices", "devices reconnected"
_TIMEOUT_S = 10.0
_SLOW_S = 2.0


class Relay:
    """One account: the first device sends, the others receive.

    "relayed message" lasts until a receiver has it, "WS user_message" until the server has acknowledged it to the
    sender, and the group "fan-out to all devices" until the last receiver has it.
    """

    def __init__(self, part: Part, user: User, tally: Tally) -> None:
        self._part = part
        self._user = user
        self._tally = tally
        self._sent = 0
        self._sessions: list[Session] = []
        self._devices: list[Device] = []
        self._seen = self._fresh()
        self._is_slow = user.id < part.slow_readers

    def __repr__(self) -> str:
        return f"<Relay of user {self._user.id}, {len(self._devices)} devices, {self._sent} sent>"

    def _fresh(self) -> list[SequenceCheck]:
        return [SequenceCheck() for _ in range(self._part.devices - 1)]

    async def open(self) -> None:
        """Log in on each device, give up HTTP, and connect."""
        account = CCS(self._user)
        self._sessions = [await account.login() for _ in range(self._part.devices)]
        await self._user.http.close()
        await self._connect()

    async def _connect(self) -> None:
        self._devices = []
        for session in self._sessions:
            self._devices.append(await session.connect())
            self._user.record(CONNECTED, perf_counter())

    async def turn(self) -> None:
        """One message from the first device to all others."""
        sender, *receivers = self._devices
        number, group = self._sent, self._user.recorder.group_slot(FAN_OUT)
        group.started += 1
        began = perf_counter()
        self._sent += 1
        if self._is_slow:
            self._rest(receivers[-1])
        arrivals = [
            asyncio.ensure_future(self._receive(receiver, seen, number, began))
            for receiver, seen in zip(receivers, self._seen, strict=True)
        ]
        try:
            await sender.send(f"{number}:".ljust(self._part.size, "."))
            arrived = all(await asyncio.gather(*arrivals))
        finally:
            for arrival in arrivals:
                arrival.cancel()
            await asyncio.gather(*arrivals, return_exceptions=True)
        if arrived:
            group.ok.append(perf_counter() - began)
        else:
            group.fail(perf_counter() - began, "timeout", f"message {number} did not reach every device")

    def _rest(self, device: Device) -> None:
        """A device that reads nothing for a while; its socket fills up, and the server has to wait or to let it go."""
        device.socket.pause_reading()
        asyncio.get_running_loop().call_later(_SLOW_S, device.socket.resume_reading)

    async def _receive(self, device: Device, seen: SequenceCheck, number: int, began: float) -> bool:
        """Wait for the message; whether it came. What comes before it is noted as well."""
        slot = self._user.recorder.slot(RELAYED)
        slot.started += 1
        got = -1
        try:
            while got != number:
                frame = await device.receive("user_message", _TIMEOUT_S)
                got = int(frame["payload"]["content"].partition(":")[0])
                seen.see(got)
        except OperationTimeout as error:
            slot.fail(perf_counter() - began, error.kind, f"message {number}: {error}")
            return False
        except OperationError as error:
            slot.fail(perf_counter() - began, error.kind, str(error))
            error.counted = True
            raise
        slot.ok.append(perf_counter() - began)
        return True

    async def storm(self) -> None:
        """Cut all connections and make them anew."""
        self._settle()
        for device in self._devices:
            device.socket.abort()
        self._tally.cut += len(self._devices)
        async with self._user.group(RECONNECT):
            await self._connect()

    def _settle(self) -> None:
        for seen in self._seen:
            self._tally.settle(self._sent, seen)
        self._sent, self._seen = 0, self._fresh()

    def close(self) -> None:
        """Say what became of the messages."""
        self._settle()
