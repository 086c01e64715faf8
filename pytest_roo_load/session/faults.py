"""Faults of a run: checked before any load is sent, carried out by the keeper."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_roo_load.core.faults.fault import Fault, FaultRecord
from pytest_roo_load.core.faults.link_table import LINK_VERBS
from pytest_roo_load.core.faults.schedule import Schedule
from pytest_roo_load.core.target import TARGETS, target_among
from pytest_roo_load.core.timeline import ProcessUse
from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.stack import LINKED, STANDBY

if TYPE_CHECKING:
    from pytest_roo_load.keeper.client import Keeper
    from pytest_roo_load.monitor.processes import ProcessProbe
    from pytest_roo_load.session.run import Run
    from pytest_roo_load.session.stack import Service

__all__ = ["FollowingProbe", "KeeperInjector", "check_schedule", "injector_of", "trees_of"]

Facts = tuple[str, tuple[int, ...]]  # URL and processes
_ENDS = frozenset({"kill", "terminate", "restart", "crash_loop"})
_RESTARTS = _ENDS | {"quota_memory"}  # which ends processes only where the kernel kills one


def check_schedule(schedule: object) -> Schedule:
    """What was given as a schedule.

    Raises:
        UsageError: It is none.
    """
    if not isinstance(schedule, Schedule):
        allowed = 'a schedule such as faults.at("5 s").kill("redis")'
        raise UsageError("not a schedule of faults", value=schedule, allowed=allowed, place="argument faults")
    return schedule


def injector_of(run: Run, schedule: Schedule) -> KeeperInjector:
    """What carries out a schedule on the services of a run.

    Raises:
        UsageError: Something in it may not be broken, or is not there.
    """
    strangers = {name: one for name, one in run.stack.known().items() if not one.embedded}
    planned = as_the_keeper_has_it(schedule, run.stack.known(), run.links.known)
    for fault, said in zip(planned, schedule.faults, strict=True):
        if said.verb in LINK_VERBS and said.target in run.links.known:
            continue  # only what goes by way of it is touched
        if fault.target == STANDBY and STANDBY not in run.stack.known():
            raise UsageError(
                "there is no standby of PostgreSQL",
                value=str(fault),
                allowed="tests that read from one",
                place="argument faults",
                remedy="take the fixture postgres_standby",
            )
        if stranger := strangers.get(_service_of(fault)):
            _refuse_unless_allowed(run, fault, stranger)
    facts = {name: (one.shown, one.pids) for name, one in strangers.items()}
    run.keeper.check_faults(planned, facts)
    return KeeperInjector(run.keeper, schedule, planned, facts)


def as_the_keeper_has_it(schedule: Schedule, known: Collection[str], links: Mapping[str, str]) -> tuple[Fault, ...]:
    """The faults of the services and links that are in use, by the names that the keeper and its proxy have for them.

    The target has one name, and with links of the embedded stack that of another process.
    """
    target = LINKED if schedule.needs_links else target_among(known)

    def named(fault: Fault) -> str:
        if fault.verb in LINK_VERBS:
            return links.get(fault.target, fault.target)
        return target if fault.target in TARGETS else fault.target

    return tuple(replace(fault, target=named(fault)) for fault in schedule.faults)


def trees_of(run: Run, schedule: Schedule | None) -> dict[str, str]:
    """Service in use → the name that its processes go by in results."""
    used = {name: name for name in run.stack.known() if name != LINKED}
    if schedule is not None and schedule.needs_links:
        used = {LINKED if name == "ccs" else name: name for name in used}
    return used


def _service_of(fault: Fault) -> str:
    base, _, number = fault.target.rpartition("-")
    return base if number.isdecimal() and base else fault.target


def _refuse_unless_allowed(run: Run, fault: Fault, stranger: Service) -> None:
    if not run.config.allow_destructive:
        raise UsageError(
            f"{stranger.name} was not started by this run",
            value=str(fault),
            allowed="faults of what the run has started",
            place="argument faults",
            remedy="if it may be broken, add --roo-allow-destructive",
        )
    if not stranger.pids:
        raise UsageError(
            f"the processes of {stranger.name} are not known",
            value=str(fault),
            allowed="services on this machine whose processes we may see",
            place="argument faults",
        )
    if fault.verb in _RESTARTS:
        raise UsageError(
            f"{stranger.name} could not be started again",
            value=str(fault),
            allowed="pause, and what else leaves its processes alive",
            place="argument faults",
        )


class KeeperInjector:
    """Has the keeper carry out a schedule. Implements `core.ports.Injector`."""

    def __init__(
        self, keeper: Keeper, schedule: Schedule, planned: tuple[Fault, ...], strangers: Mapping[str, Facts]
    ) -> None:
        self.schedule = schedule
        self._keeper = keeper
        self._planned = planned
        self._strangers = strangers
        self._begun = False
        self._records: tuple[FaultRecord, ...] = ()

    def __repr__(self) -> str:
        return f"<KeeperInjector of {len(self.schedule.faults)} faults, {'begun' if self._begun else 'not begun'}>"

    @property
    def may_end(self) -> frozenset[str]:
        """The services whose processes the schedule ends, and those of which a fault was seen to end some."""
        planned = {_service_of(fault) for fault in self.schedule.faults if fault.verb in _ENDS}
        ended = frozenset(planned | {_service_of(record.fault) for record in self._records if record.killed})
        return ended if ended.isdisjoint(TARGETS) else ended.union(TARGETS)

    def begin(self, start: float) -> None:
        """See `core.ports.Injector`; both clocks are the kernel's monotonic one."""
        self._keeper.begin_faults(start, self._planned, self._strangers)
        self._begun = True

    def end(self) -> tuple[FaultRecord, ...]:
        """See `core.ports.Injector`."""
        records = self._keeper.end_faults() if self._begun else ()
        self._records = tuple(
            replace(record, fault=fault) for record, fault in zip(records, self.schedule.faults, strict=self._begun)
        )
        return self._records


class FollowingProbe:
    """A probe that notices what the keeper has started again. Implements `core.ports.Probe`.

    Args:
        probe: Looks at trees of processes.
        services: Name of a service of the keeper → name of its tree.
        keeper: Knows the processes.
    """

    def __init__(self, probe: ProcessProbe, services: Mapping[str, str], keeper: Keeper) -> None:
        self._probe = probe
        self._services = services
        self._keeper = keeper

    def __repr__(self) -> str:
        return f"<FollowingProbe of {self._probe!r}>"

    def sample(self) -> Mapping[str, ProcessUse]:
        """See `core.ports.Probe`."""
        for name, info in self._keeper.services().items():
            if name in self._services:
                self._probe.follow(self._services[name], info.pids)
        return self._probe.sample()
