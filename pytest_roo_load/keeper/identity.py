"""Which process a pid means: pids are used again, a pid with its start time is not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Identity"]


@dataclass(frozen=True, slots=True)
class Identity:
    """A process, told apart from later ones with the same pid.

    Attributes:
        pid: The process id.
        started: Clock ticks between boot and the start of the process (field 22 of /proc/PID/stat).
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The process that has this pid now; None when there is none or it has ended and was not waited for."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        state, *rest = stat.rpartition(")")[2].split()  # the name before it may hold blanks and brackets
        return None if state in "ZX" else cls(pid, int(rest[18]))

    @classmethod
    def parse(cls, text: str) -> Identity:
        """The reverse of `str`."""
        pid, _, started = text.partition(":")
        return cls(int(pid), int(started))

    def __str__(self) -> str:
        return f"{self.pid}:{self.started}"

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Identity.of(self.pid) == self

    def signal(self, number: int) -> None:
        """Send a signal to this very process, if it still is there."""
        if self.alive:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return
