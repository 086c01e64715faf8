"""Faults that take something away from the processes of a service."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from pytest_roo_load.chaos.limits import largest_file, set_soft, soft_limit, unused_descriptor, virtual_bytes
from pytest_roo_load.core.faults.breakage import MakeBreakage, Patient, Victim
from pytest_roo_load.core.faults.fault import Setting
from pytest_roo_load.errors import FaultError

__all__ = ["LIMIT_FAULTS", "LimitCpu", "Limited", "TakeConnections"]

PERIOD_S = 0.1
AT_ONCE = 100


class Limited:
    """A soft limit of every process of a patient; children that come later inherit it."""

    ends_processes = False
    momentary = False
    kind = 0
    of = ""

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:
        self._patient = patient
        self._spare = int(settings.get("spare", 0))
        self._before: dict[Victim, int] = {}
        self._usual = resource.RLIM_INFINITY

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._patient.name}, {len(self._before)} processes limited>"

    def limit(self, pid: int) -> int:
        """What a process has now, and what it is spared."""
        raise NotImplementedError

    async def apply(self) -> str:
        """Limit each to what it has and what it is spared."""
        told = []
        for victim in self._patient.tree():
            before = soft_limit(victim.pid, self.kind)
            limit = self.limit(victim.pid)
            self._before[victim] = before
            set_soft(victim.pid, self.kind, limit)
            told.append(f"process {victim.pid} to {limit:,}")
        if not told:
            raise FaultError(f"no process of {self._patient.name} runs")
        self._usual = next(iter(self._before.values()))
        return f"{self.of} limited: {', '.join(told[:3])}" + (f" and {len(told) - 3} more" if told[3:] else "")

    async def undo(self) -> None:
        """Set the limits back, also of children that have come since."""
        for victim in {*self._before, *self._patient.tree()}:
            if victim.alive:
                with suppress(FaultError):  # it has ended meanwhile
                    set_soft(victim.pid, self.kind, self._before.get(victim, self._usual))


class LimitFiles(Limited):
    """Descriptors."""

    kind = resource.RLIMIT_NOFILE
    of = "descriptors"

    def limit(self, pid: int) -> int:
        """Numbers of closed ones, below those that are open, would be used first."""
        return unused_descriptor(pid, self._spare)


class LimitMemory(Limited):
    """Address space."""

    kind = resource.RLIMIT_AS
    of = "bytes of memory"

    def limit(self, pid: int) -> int:
        """Its address space, and what it is spared."""
        return virtual_bytes(pid) + self._spare


class FillDisk(Limited):
    """Sizes of files: a process that would make one grow beyond the largest of them is told that it cannot."""

    kind = resource.RLIMIT_FSIZE
    of = "sizes of files"

    def limit(self, pid: int) -> int:
        """The largest file that any process of the patient has open: a smaller limit would forbid to write in it."""
        del pid
        return max((largest_file(victim.pid) for victim in self._patient.tree()), default=0) + self._spare


class LimitCpu:
    """Stops a patient and lets it go on, ten times a second."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:
        self._patient = patient
        self._share = float(settings["share"])
        self._turning: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<LimitCpu of {self._patient.name} to {self._share:.0%}>"

    async def apply(self) -> str:
        """Begin."""
        if not any(victim.alive for victim in self._patient.processes()):
            raise FaultError(f"no process of {self._patient.name} runs")
        self._turning = asyncio.create_task(self._turn())
        return f"{self._patient.name} is stopped {1 - self._share:.0%} of the time"

    async def undo(self) -> None:
        """Let it go on."""
        if self._turning is not None:
            self._turning.cancel()
            await asyncio.wait({self._turning})
        self._signal(signal.SIGCONT)

    async def _turn(self) -> None:
        while True:
            self._signal(signal.SIGSTOP)
            await asyncio.sleep(PERIOD_S * (1 - self._share))
            self._signal(signal.SIGCONT)
            await asyncio.sleep(PERIOD_S * self._share)

    def _signal(self, number: int) -> None:
        for victim in self._patient.tree():
            victim.signal(number)


class TakeConnections:
    """Holds connections to a patient."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:
        self._patient = patient
        self._count = int(settings["count"])
        self._held: list[socket.socket] = []

    def __repr__(self) -> str:
        return f"<TakeConnections to {self._patient.name}: {len(self._held)} of {self._count}>"

    async def apply(self) -> str:
        """Open them, as many as it takes."""
        _allow_files(self._count)
        where = urlsplit(self._patient.url)
        while len(self._held) < self._count:
            number = min(AT_ONCE, self._count - len(self._held))
            opened = await asyncio.gather(*(self._open(where.hostname, where.port) for _ in range(number)))
            if not all(opened):
                break
        if not self._held:
            raise FaultError(f"{self._patient.name} took no connection")
        refused = "" if len(self._held) == self._count else ", the next one was refused"
        return f"{len(self._held)} connections to {self._patient.name} are held{refused}"

    async def _open(self, host: str | None, port: int | None) -> bool:
        one = socket.socket()
        one.setblocking(False)  # noqa: FBT003 - the library's signature
        try:
            async with asyncio.timeout(2):
                await asyncio.get_running_loop().sock_connect(one, (host, port))
        except (OSError, TimeoutError):
            one.close()
            return False
        self._held.append(one)
        return True

    async def undo(self) -> None:
        """Close them."""
        while self._held:
            self._held.pop().close()


def _allow_files(count: int) -> None:
    """Let this process open so many more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + AT_ONCE * 10
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


LIMIT_FAULTS: Mapping[str, MakeBreakage] = {
    "limit_files": LimitFiles,
    "limit_memory": LimitMemory,
    "fill_disk": FillDisk,
    "limit_cpu": LimitCpu,
    "take_connections": TakeConnections,
}
