"""What is broken during a load, written as it is said: at("5 s").kill("redis").then_after("5 s").restart("redis")."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pytest_roo_load.core.faults.fault import Fault, Setting
from pytest_roo_load.core.faults.link_table import LINK_VERBS, LINKS
from pytest_roo_load.core.faults.links import LinkVerbs
from pytest_roo_load.core.faults.pressure import PressureVerbs
from pytest_roo_load.core.faults.processes import ProcessVerbs
from pytest_roo_load.core.faults.stores import StoreVerbs
from pytest_roo_load.core.units import Dimension, duration, format_quantity
from pytest_roo_load.errors import UsageError

__all__ = ["Moment", "Schedule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Faults of one load, in order of time. Made by `faults.at(...)`; a value, so that it can be used again.

    Attributes:
        faults: What is broken.
        last_s: When the last thing happens so far: what `then_after` counts from.
    """

    faults: tuple[Fault, ...] = ()
    last_s: float = 0.0

    def __str__(self) -> str:
        return "; ".join(f"{fault} at {_text(fault.at_s)}{_until(fault)}" for fault in self.faults)

    @property
    def needs_links(self) -> bool:
        """Whether a connection of the embedded stack is broken, so that these must go by way of the proxy."""
        return any(fault.verb in LINK_VERBS and fault.target in LINKS for fault in self.faults)

    def at(self, moment: str | float) -> Moment:
        """A moment of the load, in seconds from its start, warm-up included.

        Raises:
            UsageError: It is no duration.
        """
        return Moment(self, duration(moment, name="moment"))

    def then_after(self, pause: str | float) -> Moment:
        """So long after the last thing that happens.

        Raises:
            UsageError: It is no duration.
        """
        return Moment(self, self.last_s + duration(pause, name="pause"))

    def repeated(self, *, times: int, every: str | float) -> Schedule:
        """These faults again and again, each time `every` later.

        Raises:
            UsageError: They would begin again before they have ended.
        """
        from pytest_roo_load.core.faults.compose import repeated  # noqa: PLC0415 - it composes schedules

        return repeated(self, times=times, every=every)

    def with_fault(self, fault: Fault) -> Schedule:
        """These faults and another one."""
        faults = sorted((*self.faults, fault), key=lambda one: one.at_s)
        return replace(self, faults=tuple(faults), last_s=max(fault.at_s, fault.until_s or 0.0))

    def mended(self, verbs: frozenset[str], target: str, at_s: float, **settings: Setting) -> Schedule | None:
        """What these verbs have broken on a target is mended now; None when nothing of it is broken."""
        faults = tuple(
            replace(fault, until_s=at_s, settings={**fault.settings, **settings})
            if fault.verb in verbs and fault.target == target and fault.until_s is None and fault.at_s <= at_s
            else fault
            for fault in self.faults
        )
        return None if faults == self.faults else replace(self, faults=faults, last_s=at_s)


class Moment(ProcessVerbs, StoreVerbs, LinkVerbs, PressureVerbs):
    """A moment of a load, at which something is broken or mended; every verb gives the schedule that has it."""

    def __init__(self, schedule: Schedule, at_s: float) -> None:
        self._schedule = schedule
        self._at_s = at_s

    def __repr__(self) -> str:
        return f"<Moment {_text(self._at_s)} after {len(self._schedule.faults)} faults>"

    def _break(
        self,
        verb: str,
        target: str,
        lasts: str | float | None = None,
        **settings: Setting,
    ) -> Schedule:
        length_s = None if lasts is None else duration(lasts, name="duration")
        until_s = None if length_s is None else self._at_s + length_s
        fault = Fault(verb=verb, target=_name(target), at_s=self._at_s, until_s=until_s, settings=settings)
        return self._schedule.with_fault(fault)

    def _mend_all_but(self, verbs: frozenset[str], target: str) -> Schedule | None:
        others = frozenset(fault.verb for fault in self._schedule.faults) - verbs
        return self._schedule.mended(others, _name(target), self._at_s)

    def _mend(self, verbs: frozenset[str], target: str, **settings: Setting) -> Schedule | None:
        return self._schedule.mended(verbs, _name(target), self._at_s, **settings)


def _name(target: object) -> str:
    if not isinstance(target, str) or not target.strip():
        raise UsageError("not a name", value=target, allowed='a service such as "redis"', place="argument target")
    return target


def _until(fault: Fault) -> str:
    return "" if fault.until_s is None else f" until {_text(fault.until_s)}"


def _text(moment_s: float) -> str:
    return format_quantity(moment_s, Dimension.TIME)
