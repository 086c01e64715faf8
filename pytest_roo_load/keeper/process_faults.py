"""Faults of any process: what a signal does, and starting again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pytest_roo_load.core.faults.breakage import MakeBreakage, Patient, Victim
from pytest_roo_load.core.faults.fault import Setting
from pytest_roo_load.errors import FaultError, FaultMissed, ServiceError

__all__ = ["PROCESS_FAULTS", "CrashLoop", "End", "Pause"]

POLL_S = 0.002
KILLED_S, TERMINATED_S, STOPPED_S = 2.0, 10.0, 2.0


class End:
    """Ends the processes of a patient with a signal; mended by starting them again."""

    ends_processes = True
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting], *, number: int, within_s: float) -> None:
        self._patient = patient
        self._slow_s = float(settings.get("slow_s", 0))
        self._number = number
        self._within_s = within_s
        self._left: tuple[Victim, ...] = ()

    def __repr__(self) -> str:
        return f"<End {self._patient.name} by {signal.Signals(self._number).name}>"

    async def apply(self) -> str:
        """Send the signal and wait for the ends."""
        victims, self._left = _running(self._patient), self._patient.tree()
        _send(victims, self._number)
        await _wait(lambda: not any(victim.alive for victim in victims), self._within_s, f"{_named(victims)} went on")
        return f"{_named(victims)} ended"

    async def undo(self) -> None:
        """Wait until the children that it has left have ended too, and start it again."""
        _send(self._left, signal.SIGKILL)
        await _wait(lambda: not any(one.alive for one in self._left), KILLED_S, f"{_named(self._left)} went on")
        try:
            await self._patient.restart(slow_s=self._slow_s)
        except ServiceError as error:
            raise FaultError(str(error)) from error


class Pause:
    """Stops all processes of a patient."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:  # noqa: ARG002 - as all are made
        self._patient = patient
        self._stopped: tuple[Victim, ...] = ()

    def __repr__(self) -> str:
        return f"<Pause {self._patient.name}, {len(self._stopped)} stopped>"

    async def apply(self) -> str:
        """Stop the parents first, so that no new child escapes."""
        _running(self._patient)
        _send(self._patient.processes(), signal.SIGSTOP)
        self._stopped = self._patient.tree()
        _send(self._stopped, signal.SIGSTOP)
        await _wait(lambda: all(map(_is_stopped, self._stopped)), STOPPED_S, f"{_named(self._stopped)} ran on")
        return f"{_named(self._stopped)} stopped"

    async def undo(self) -> None:
        """Let the children go on first: their parents may have questions for them."""
        _send(self._stopped[::-1], signal.SIGCONT)
        await _wait(lambda: not any(map(_is_stopped, self._stopped)), STOPPED_S, "a process did not go on")


class CrashLoop:
    """Kills a patient again and again: mended when it is applied, since it lives after the last crash."""

    ends_processes = True
    momentary = True

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:
        self._patient = patient
        self._times = int(settings["times"])
        self._every_s = float(settings["every_s"])
        self._crashed = 0
        self._crash = _kill(patient, {})
        self._cut_off = False

    def __repr__(self) -> str:
        return f"<CrashLoop of {self._patient.name}: {self._crashed} of {self._times}>"

    async def apply(self) -> str:
        """All crashes and the starts after them, which may take longer than was planned."""
        try:
            evidence = await self._crash_and_start()
            while self._crashed < self._times:
                await asyncio.sleep(self._every_s)
                await self._crash_and_start()
        except asyncio.CancelledError:
            self._cut_off = True
            raise
        return f"{evidence}, the first of {self._times} times"

    async def undo(self) -> None:
        """Let it live; what was cut off before the last crash did not take hold."""
        await self._crash.undo()
        if self._cut_off and self._crashed < self._times:
            told = f"{self._crashed} of {self._times} times"
            raise FaultMissed(f"{self._patient.name} had crashed {told} when the load ended")

    async def _crash_and_start(self) -> str:
        self._crash = _kill(self._patient, {})
        evidence = await self._crash.apply()
        self._crashed += 1
        await self._crash.undo()
        return evidence


class Restart:
    """Kills a patient and starts it again at once: mended when it is applied."""

    ends_processes = True
    momentary = True

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:
        self._end = _kill(patient, settings)

    def __repr__(self) -> str:
        return f"<Restart by {self._end!r}>"

    async def apply(self) -> str:
        """Kill it and start it again."""
        evidence = await self._end.apply()
        await self._end.undo()
        return f"{evidence} and was started again"

    async def undo(self) -> None:
        """Start it again where that has failed."""
        await self._end.undo()


def _kill(patient: Patient, settings: Mapping[str, Setting]) -> End:
    return End(patient, settings, number=signal.SIGKILL, within_s=KILLED_S)


def _terminate(patient: Patient, settings: Mapping[str, Setting]) -> End:
    return End(patient, settings, number=signal.SIGTERM, within_s=TERMINATED_S)


PROCESS_FAULTS: Mapping[str, MakeBreakage] = {
    "kill": _kill,
    "terminate": _terminate,
    "restart": Restart,
    "pause": Pause,
    "crash_loop": CrashLoop,
}


def _running(patient: Patient) -> tuple[Victim, ...]:
    found = tuple(victim for victim in patient.processes() if victim.alive)
    if not found:
        raise FaultError(f"no process of {patient.name} runs")
    return found


def _send(victims: Sequence[Victim], number: int) -> None:
    for victim in victims:
        victim.signal(number)


async def _wait(held: Callable[[], bool], within_s: float, otherwise: str) -> None:
    deadline = asyncio.get_running_loop().time() + within_s
    while not held():
        if asyncio.get_running_loop().time() > deadline:
            raise FaultError(f"{otherwise} after {within_s:g} s")
        await asyncio.sleep(POLL_S)


def _is_stopped(victim: Victim) -> bool:
    """Whether the kernel has it as stopped; false for one that has ended."""
    try:
        stat = Path(f"/proc/{victim.pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "T"


def _named(victims: Sequence[Victim]) -> str:
    pids = [str(victim.pid) for victim in victims]
    shown = ", ".join(pids[:3]) + (f" and {len(pids) - 3} more" if len(pids) > 3 else "")  # noqa: PLR2004 - enough to read
    return f"process{'es' if len(pids) > 1 else ''} {shown}"
