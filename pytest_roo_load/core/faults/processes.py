"""What can be done to the processes of a service."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from pytest_roo_load.core.profiles.plan import positive, whole
from pytest_roo_load.core.units import duration as seconds_of
from pytest_roo_load.errors import UsageError

if TYPE_CHECKING:
    from pytest_roo_load.core.faults.fault import Setting
    from pytest_roo_load.core.faults.schedule import Schedule

__all__ = ["ENDED", "STOPPED", "ProcessVerbs", "Verbs"]

ENDED = frozenset({"kill", "terminate"})
STOPPED = frozenset({"pause"})


class Verbs(ABC):
    """What families of verbs are built on."""

    @abstractmethod
    def _break(self, verb: str, target: str, lasts: str | float | None = None, **settings: Setting) -> Schedule:
        """Something is broken at this moment, for so long; without a length until it is mended."""

    @abstractmethod
    def _mend(self, verbs: frozenset[str], target: str, **settings: Setting) -> Schedule | None:
        """What these verbs have broken is mended at this moment; None when nothing of it is broken."""

    @abstractmethod
    def _mend_all_but(self, verbs: frozenset[str], target: str) -> Schedule | None:
        """The same for what all other verbs have broken."""


class ProcessVerbs(Verbs):
    """`target` is "target", another service ("postgres", "redis"), or one of its processes ("ccs-2")."""

    def kill(self, target: str) -> Schedule:
        """SIGKILL: it is gone at once, until it is restarted."""
        return self._break("kill", target)

    def terminate(self, target: str) -> Schedule:
        """SIGTERM: it may put things in order, and must end within ten seconds, until it is restarted."""
        return self._break("terminate", target)

    def restart(self, target: str, *, slow: str | float = 0) -> Schedule:
        """Start what was killed or terminated, at the same address and with its data; kill it first if it runs.

        Args:
            target: A service or one of its processes.
            slow: The new process does not get to run for so long: a slow start.
        """
        slow_s = seconds_of(slow, name="slow")
        mended = self._mend(ENDED, target, slow_s=slow_s) if slow_s else self._mend(ENDED, target)
        return mended or self._break("restart", target, slow_s=slow_s)

    def crash_loop(self, target: str, *, times: int = 3, every: str | float = "1 s") -> Schedule:
        """Kill it again and again, each time as soon as it has run for `every`, and let it live after the last.

        The phase lasts `times` x `every`. The starts take time as well, so that the last crash may come later; one that
        the load leaves no time for makes the fault one that did not take hold.
        """
        every_s = positive(every, "every")
        count = whole(times, "times", most=1000)
        return self._break("crash_loop", target, lasts=count * every_s, times=count, every_s=every_s)

    def pause(self, target: str, *, duration: str | float | None = None) -> Schedule:
        """SIGSTOP to it and all its children: connections stay open, nobody answers, until it is resumed."""
        return self._break("pause", target, lasts=None if duration is None else positive(duration, "duration"))

    def resume(self, target: str) -> Schedule:
        """SIGCONT to what was paused.

        Raises:
            UsageError: Nothing of it is paused at this moment.
        """
        mended = self._mend(STOPPED, target)
        if mended is None:
            raise UsageError("nothing to resume", value=target, allowed="what was paused before, without a duration")
        return mended
