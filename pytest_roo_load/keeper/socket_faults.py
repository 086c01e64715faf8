"""Faults of a service's own sockets, which the kernel does for us where it lets us."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from socket import socket

from pytest_roo_load.chaos.sockets import attach_loss, break_off, detach_loss, set_pace, tcp_sockets
from pytest_roo_load.core.faults.breakage import MakeBreakage, Patient
from pytest_roo_load.core.faults.fault import Setting
from pytest_roo_load.errors import FaultError

__all__ = ["SOCKET_FAULTS", "BreakConnections", "DropPackets", "Pace"]


def _sockets(patient: Patient) -> Iterator[socket]:
    for victim in patient.tree():
        if victim.alive:
            yield from tcp_sockets(victim.pid)


def _told(patient: Patient, number: int, what: str) -> str:
    if not number:
        raise FaultError(f"{patient.name} has no such socket")
    return f"{number} sockets of {patient.name} {what}"


class DropPackets:
    """Packets that come to a service are lost, by its own kernel: TCP sends them again."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:
        self._patient = patient
        self._rate = float(settings["rate"])

    def __repr__(self) -> str:
        return f"<DropPackets {self._rate:.1%} of {self._patient.name}>"

    async def apply(self) -> str:
        """Attach the filter to every socket; those that are accepted later inherit it."""
        number = 0
        for one in _sockets(self._patient):
            attach_loss(one, self._rate)
            number += 1
        return _told(self._patient, number, f"lose {self._rate:.1%} of what comes in")

    async def undo(self) -> None:
        """Detach it."""
        with suppress(FaultError):  # nothing could be done to its sockets, or it has ended
            for one in _sockets(self._patient):
                detach_loss(one)


class Pace:
    """A service's sockets send no faster than that, each."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:
        self._patient = patient
        self._rate = int(settings["rate"])

    def __repr__(self) -> str:
        return f"<Pace {self._rate:,} bytes/s of {self._patient.name}>"

    async def apply(self) -> str:
        """Set it on every socket; those that are accepted later inherit it."""
        number = 0
        for one in _sockets(self._patient):
            set_pace(one, self._rate)
            number += 1
        return _told(self._patient, number, f"send {self._rate:,} bytes a second at most")

    async def undo(self) -> None:
        """Set none."""
        with suppress(FaultError):  # nothing could be done to its sockets, or it has ended
            for one in _sockets(self._patient):
                set_pace(one, None)


class BreakConnections:
    """Every connection of a service is reset at once."""

    ends_processes = False
    momentary = True

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:  # noqa: ARG002 - as all are made
        self._patient = patient

    def __repr__(self) -> str:
        return f"<BreakConnections of {self._patient.name}>"

    async def apply(self) -> str:
        """Reset them."""
        return _told(self._patient, sum(map(break_off, _sockets(self._patient))), "were reset")

    async def undo(self) -> None:
        """Clients connect again by themselves."""


SOCKET_FAULTS: Mapping[str, MakeBreakage] = {
    "drop_packets": DropPackets,
    "pace": Pace,
    "break_connections": BreakConnections,
}
