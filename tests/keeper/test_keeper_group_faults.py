"""What is told of a group of memory, and what is started again, on trees of files that look like the kernel's."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_roo_load.chaos.bounds import Bounds, memory_bounds
from pytest_roo_load.chaos.cgroups import Group, Hierarchy, hierarchy_of
from pytest_roo_load.core.faults.fault import Fault, FaultRecord
from pytest_roo_load.errors import FaultError, ServiceError
from pytest_roo_load.keeper import group_faults
from pytest_roo_load.keeper.faults import Faults
from pytest_roo_load.keeper.group_faults import QuotaMemory
from pytest_roo_load.keeper.identity import Identity
from pytest_roo_load.keeper.journal import Journal

sys.path.insert(0, str(Path(__file__).parents[1] / "chaos"))
from cgroup_lab import handed_down, lives_in

SPARE = {"spare": 50_000_000.0}
FIRST = "1 process of shop may take 50 MB more"


class Shop:
    """A service of one process. Implements `core.faults.breakage.Patient`."""

    name = "shop"
    url = ""
    folder = Path("/run/roo-1")

    def __init__(self) -> None:
        self.process = subprocess.Popen(["sleep", "1000"])
        self.restarts = 0
        self.startable = True
        self._identity = Identity.of(self.process.pid)

    def processes(self) -> tuple[Identity, ...]:
        assert self._identity
        return (self._identity,)

    def tree(self) -> tuple[Identity, ...]:
        return self.processes()

    async def restart(self, *, slow_s: float = 0.0) -> None:
        assert not slow_s
        self.restarts += 1
        if not self.startable:
            raise ServiceError("it was not ready in time")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.end()


@pytest.fixture
def made(tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the group is going to be, on a machine of version 2."""
    proc = handed_down(tmp_path)
    lives_in(proc, shop.process.pid, "/app/web", unified=True)

    class Files(Group):
        def __init__(self, hierarchy: Hierarchy, bounds: Bounds, *, run: str, of: str) -> None:
            super().__init__(hierarchy, bounds, run=run, of=of, proc=proc)

        def empty(self) -> None:
            super().empty()
            path = tmp_path / "mount/app/roo-1-shop-memory"
            if path.exists():
                (path / "cgroup.procs").write_text("")

        def removed(self) -> bool:
            """The kernel's files go with their folder."""
            shutil.rmtree(tmp_path / "mount/app/roo-1-shop-memory", ignore_errors=True)
            return super().removed()

    monkeypatch.setattr(group_faults, "Group", Files)
    monkeypatch.setattr(group_faults, "hierarchy_of", lambda controller: hierarchy_of(controller, proc))
    return tmp_path / "mount/app/roo-1-shop-memory"


def the_kernel_says(made: Path, *, peak: int | None, killed: int) -> None:
    (made / "memory.events").write_text(f"max 3\noom_kill {killed}\n")
    if peak is not None:
        (made / "memory.peak").write_text(str(peak))


def test_nobody_was_killed(made: Path, shop: Shop) -> None:
    quota = QuotaMemory(shop, SPARE)
    assert asyncio.run(quota.apply()) == FIRST
    assert (made / "memory.max").read_text() == "50000000"
    assert "50 MB" in repr(quota)
    the_kernel_says(made, peak=48_123_456, killed=0)
    seen = asyncio.run(quota.undo())
    assert seen is not None
    assert (seen.text, seen.killed) == ("they took 48.1 MB of it at most; none was killed by the kernel for it", 0)
    assert not made.exists()
    assert asyncio.run(quota.undo()) is None, "it is mended"
    assert repr(quota) == "<QuotaMemory of shop: no group>"
    assert shop.restarts == 0


def test_children_that_are_born_while_one_looks_are_in_it_as_well(made: Path, shop: Shop) -> None:
    """The kernel puts a child where its parent is: who was seen to run is looked for after that, not before."""
    born: list[subprocess.Popen[bytes]] = []

    class Bears(Shop):
        def tree(self) -> tuple[Identity, ...]:
            if made.exists():
                born.append(subprocess.Popen(["sleep", "1000"]))
                lives_in(made.parents[2] / "proc", born[-1].pid, f"/app/{made.name}", unified=True)
                with (made / "cgroup.procs").open("a") as file:
                    file.write(f"\n{born[-1].pid}")
            return (*shop.tree(), *filter(None, (Identity.of(one.pid) for one in born)))

    mother = Bears()
    try:
        assert asyncio.run(QuotaMemory(mother, SPARE).apply()).endswith("processes of shop may take 50 MB more")
    finally:
        mother.end()
        for one in born:
            one.kill()
            one.wait()


def test_a_child_was_killed(made: Path, shop: Shop) -> None:
    quota = QuotaMemory(shop, SPARE)
    asyncio.run(quota.apply())
    the_kernel_says(made, peak=None, killed=2)
    seen = asyncio.run(quota.undo())
    assert seen is not None
    told = "how much of it they took is not known to this kernel; 2 were killed by the kernel for it"
    assert (seen.text, seen.killed, shop.restarts) == (told, 2, 0)


@pytest.mark.parametrize("killed", [0, 1])
def test_a_main_process_that_was_killed_is_started_again_and_one_that_crashed_is_not(
    made: Path, shop: Shop, killed: int
) -> None:
    quota = QuotaMemory(shop, SPARE)
    asyncio.run(quota.apply())
    the_kernel_says(made, peak=49_999_872, killed=killed)
    shop.end()
    seen = asyncio.run(quota.undo())
    assert seen is not None
    assert (seen.killed, shop.restarts) == (killed, killed)
    assert seen.text.endswith(", and shop was started again") == bool(killed)


def test_what_cannot_be_started_again_is_told_with_what_was_seen(made: Path, shop: Shop) -> None:
    quota = QuotaMemory(shop, SPARE)
    asyncio.run(quota.apply())
    the_kernel_says(made, peak=49_999_872, killed=1)
    shop.startable = False
    shop.end()
    with pytest.raises(FaultError, match=r"they took 50 MB .* 1 was killed .*; it was not ready in time"):
        asyncio.run(quota.undo())
    assert not made.exists()


def test_a_limit_that_the_kernel_did_not_take(made: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_faults, "memory_bounds", lambda _: memory_bounds(10_000_000))
    quota = QuotaMemory(shop, SPARE)
    with pytest.raises(FaultError, match="the kernel did not take the limit"):
        asyncio.run(quota.apply())
    assert asyncio.run(quota.undo()) is not None
    assert not made.exists()


def test_a_group_that_stays_is_told_and_not_waited_for(made: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    quota = QuotaMemory(shop, SPARE)
    asyncio.run(quota.apply())
    monkeypatch.setattr(group_faults, "REMOVED_S", 0.05)
    monkeypatch.setattr("pytest_roo_load.keeper.group_faults.Group.removed", lambda _: False)
    with pytest.raises(FaultError, match="roo-1-shop-memory: 50 MB> could not be removed"):
        asyncio.run(quota.undo())
    monkeypatch.undo()
    assert made.exists()


def test_nobody_runs(made: Path, shop: Shop) -> None:
    shop.end()
    quota = QuotaMemory(shop, SPARE)
    with pytest.raises(FaultError, match="not every process of shop could be put into a group"):
        asyncio.run(quota.apply())
    assert asyncio.run(quota.undo()) is None
    assert not made.exists()


@pytest.mark.parametrize(
    ("limit", "told"),
    [(50_000_000, f"{FIRST}; they took 50 MB of it at most; 1 was killed by the kernel for it"), (10_000_000, "")],
)
def test_the_record_of_a_fault_has_what_was_seen(
    made: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch, limit: int, told: str
) -> None:
    async def carry_out() -> FaultRecord:
        faults = Faults(Journal(made.parents[2] / "journal"))
        fault = Fault(verb="quota_memory", target="shop", at_s=0)
        faults.begin(asyncio.get_running_loop().time(), [(fault, QuotaMemory(shop, SPARE))])
        async with asyncio.timeout(10):
            while not (faults.records()[0].evidence or faults.records()[0].problem):  # noqa: ASYNC110 - as users see it
                await asyncio.sleep(0)
        the_kernel_says(made, peak=49_999_872, killed=1)
        (record,) = await faults.end()
        return record

    monkeypatch.setattr(group_faults, "memory_bounds", lambda _: memory_bounds(limit))
    record = asyncio.run(carry_out())
    assert (record.evidence, record.killed, record.took_hold) == (told, 1, bool(told))
