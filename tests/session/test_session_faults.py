"""Which processes of services may end while a load runs: what is meant to, and what a fault was seen to have ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

import pytest

from pytest_roo_load.core.faults.fault import Fault, FaultRecord
from pytest_roo_load.core.faults.schedule import Schedule
from pytest_roo_load.keeper.client import Keeper, Strangers
from pytest_roo_load.session.faults import KeeperInjector


class Records(Keeper):
    """A keeper that tells of each fault that the kernel has killed so many processes for it."""

    def __init__(self, killed: int) -> None:
        self._killed = killed
        self._faults: tuple[Fault, ...] = ()

    def begin_faults(self, start: float, faults: Iterable[Fault], strangers: Strangers = MappingProxyType({})) -> None:
        assert not strangers
        assert start
        self._faults = tuple(faults)

    def end_faults(self) -> tuple[FaultRecord, ...]:
        return tuple(FaultRecord(fault=fault, began_s=1, killed=self._killed) for fault in self._faults)


def carried_out(schedule: Schedule, killed: int) -> KeeperInjector:
    planned = tuple(replace(fault, target="ccs-linked") for fault in schedule.faults)
    injector = KeeperInjector(Records(killed), schedule, planned, {})
    injector.begin(1.0)
    assert [record.fault for record in injector.end()] == list(schedule.faults)
    return injector


@pytest.mark.parametrize("killed", [0, 1])
def test_a_quota_of_memory_may_end_what_was_killed_for_it_and_nothing_else(killed: int) -> None:
    injector = carried_out(Schedule().at(1).quota_memory("redis", spare="50 MB"), killed)
    assert injector.may_end == (frozenset({"redis"}) if killed else frozenset())


def test_the_target_has_two_names() -> None:
    injector = carried_out(Schedule().at(1).quota_memory("ccs-2", spare="50 MB"), 1)
    assert injector.may_end == {"ccs", "target"}


@pytest.mark.parametrize("schedule", [Schedule().at(1).kill("redis"), Schedule().at(1).restart("redis")])
def test_what_is_meant_to_end_may_end_before_anything_is_seen(schedule: Schedule) -> None:
    assert KeeperInjector(Records(0), schedule, schedule.faults, {}).may_end == {"redis"}
