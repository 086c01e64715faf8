"""What carries out a fault, and what it is carried out on. The keeper and the services meet only here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pytest_roo_load.core.faults.fault import Setting

__all__ = ["Aftermath", "Breakage", "MakeBreakage", "Patient", "Victim"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What was seen of a fault between its begin and its end.

    Attributes:
        text: In words, for the report.
        killed: How many processes the kernel has killed for it.
    """

    text: str
    killed: int = 0


class Victim(Protocol):
    """A process that a fault is done to."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens when it is gone."""


class Patient(Protocol):
    """A service, or one of its processes, as a fault sees it."""

    @property
    def name(self) -> str:
        """As the schedule has it."""

    @property
    def url(self) -> str:
        """Where it is reached."""

    @property
    def folder(self) -> Path:
        """A folder of the run for what the fault needs; deleted with the run."""

    def processes(self) -> tuple[Victim, ...]:
        """Its main processes as they are now."""

    def tree(self) -> tuple[Victim, ...]:
        """Its main processes and all that these have started."""

    async def restart(self, *, slow_s: float = 0.0) -> None:
        """Start what has ended of it again, at its address and with its data, and wait until it is ready.

        Args:
            slow_s: The new processes do not get to run for so long.

        Raises:
            ServiceError: It could not be started.
        """


class Breakage(Protocol):
    """One fault that can be applied and undone."""

    @property
    def ends_processes(self) -> bool:
        """Whether mending is to start processes: nothing to do when everything is stopped anyway."""

    @property
    def momentary(self) -> bool:
        """Whether it is over as soon as it is applied."""

    async def apply(self) -> str:
        """Break it.

        Returns:
            How it was seen to have taken hold.

        Raises:
            FaultError: It has not.
        """

    async def undo(self) -> Aftermath | None:
        """Mend it; also what was applied half, and more than once.

        Returns:
            What was seen of it meanwhile; None where there is nothing to tell.

        Raises:
            FaultMissed: It is mended, and nothing had it while it was there, or too little was broken: it did not take
                hold after all.
            FaultError: It could not be mended.
        """


MakeBreakage = Callable[[Patient, Mapping[str, Setting]], Breakage]
