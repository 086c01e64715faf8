"""A service that takes more memory than it may is killed by the kernel and started again; no group remains."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis
from keeper_lab import HERE, Run, eventually, groups, memory_groups_refused, new_run, runs

from pytest_roo_load.core.faults.fault import FaultRecord
from pytest_roo_load.core.faults.schedule import Schedule
from pytest_roo_load.keeper.client import Keeper
from pytest_roo_load.keeper.launch import DEFAULT_RECIPES

pytestmark = pytest.mark.skipif(bool(memory_groups_refused()), reason=memory_groups_refused())

MB = 1_000_000
PAGES_50_MB = 50 * MB // os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module")
def shared_run() -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))
        with new_run() as run:
            yield run


@pytest.fixture
def keeper(shared_run: Run) -> Iterator[Keeper]:
    client = shared_run.client()
    yield client
    client.end_faults()


def begin(keeper: Keeper, schedule: Schedule) -> list[FaultRecord]:
    """The records as soon as every fault is applied; skips where the kernel allows none."""
    keeper.begin_faults(time.monotonic(), schedule.faults)
    assert eventually(lambda: all(one.evidence or one.problem for one in keeper.faults()))
    for one in keeper.faults():
        if "not available here" in one.problem:
            keeper.end_faults()
            pytest.skip(one.problem)
    return list(keeper.faults())


def feed(run: Run, service: str, size: int) -> None:
    """Let a service take so many bytes."""
    folder = run.folder / service
    (folder / "dish").write_text(str(size))
    (folder / "dish").rename(folder / "eat")


def write(client: redis.Redis, number: int) -> None:
    """So many values of a megabyte each."""
    for one in range(number):
        client.set(f"value {one}", bytes(MB))


def limit_of(group: Path) -> int:
    first = group / "memory.limit_in_bytes"
    return int((first if first.exists() else group / "memory.max").read_text())


def test_what_is_within_the_limit_goes_on(keeper: Keeper, shared_run: Run) -> None:
    pid = keeper.ensure("nibbler").pids[0]
    (record,) = begin(keeper, Schedule().at(0).quota_memory("nibbler", spare="50 MB"))
    assert record.misfire == ""
    assert record.evidence.endswith("of nibbler may take 50 MB more")
    (group,) = groups(shared_run)
    assert limit_of(group) == PAGES_50_MB
    assert str(pid) in (group / "cgroup.procs").read_text().split()
    feed(shared_run, "nibbler", 20 * MB)
    assert eventually(lambda: "full" in shared_run.log("nibbler.log"))
    (record,) = keeper.end_faults()
    assert groups(shared_run) == []
    assert (record.misfire, record.killed) == ("", 0)
    assert "of it at most; none was killed by the kernel for it" in record.evidence
    assert 20 <= float(record.evidence.partition("they took ")[2].split()[0]) < 50
    assert runs(pid)


def test_a_child_that_takes_too_much_is_killed_and_the_service_goes_on(keeper: Keeper, shared_run: Run) -> None:
    pid = keeper.ensure("feeder").pids[0]
    begin(keeper, Schedule().at(0).quota_memory("feeder", spare="20 MB"))
    feed(shared_run, "feeder", 60 * MB)
    assert eventually(lambda: "ended with 137" in shared_run.log("feeder.log"))
    assert runs(pid)
    (record,) = keeper.end_faults()
    assert (record.misfire, record.killed) == ("", 1)
    assert record.evidence.endswith("they took 20 MB of it at most; 1 was killed by the kernel for it")
    assert keeper.ensure("feeder").pids == (pid,)
    assert groups(shared_run) == []


def test_a_service_that_takes_too_much_is_down_until_the_fault_is_healed(keeper: Keeper, shared_run: Run) -> None:
    pid = keeper.ensure("eater").pids[0]
    (left,) = (child.pid for child in psutil.Process(pid).children() if child.cmdline()[1:] == ["1000"])
    begin(keeper, Schedule().at(0).quota_memory("eater", spare="20 MB"))
    feed(shared_run, "eater", 60 * MB)
    assert eventually(lambda: not runs(pid))
    assert runs(left)
    assert eventually(lambda: "eater" not in keeper.services())
    (record,) = keeper.end_faults()
    assert (record.misfire, record.killed) == ("", 1)
    assert "of eater may take 20 MB more; they took 20 MB of it at most; " in record.evidence
    assert record.evidence.endswith("; 1 was killed by the kernel for it, and eater was started again")
    again = keeper.ensure("eater").pids[0]
    assert again != pid
    assert not runs(left), "what a dead parent has left would be in the way of the new one"
    assert groups(shared_run) == []
    feed(shared_run, "eater", 60 * MB)
    assert eventually(lambda: "full" in shared_run.log("eater.log")), "it has no limit any more"


def test_an_end_for_another_reason_is_not_the_faults(shared_run: Run, keeper: Keeper) -> None:
    pid = keeper.ensure("mortal").pids[0]
    begin(keeper, Schedule().at(0).quota_memory("mortal", spare="50 MB"))
    (shared_run.folder / "mortal" / "die").touch()
    assert eventually(lambda: not runs(pid))
    (record,) = keeper.end_faults()
    assert (record.killed, groups(shared_run)) == (0, [])
    assert "none was killed" in record.evidence
    assert "mortal" not in keeper.services(), "a crash must not be hidden"


def test_the_cpu_and_the_memory_at_once(keeper: Keeper, shared_run: Run) -> None:
    keeper.ensure("plain")
    keeper.begin_faults(
        time.monotonic(),
        Schedule().at(0).quota_cpu("plain", share="50 %").at(0.3).quota_memory("plain", spare="50 MB").faults,
    )
    assert eventually(lambda: all(one.evidence or one.problem for one in keeper.faults()))
    cpu, memory = keeper.faults()
    if "not available here" in cpu.problem:
        pytest.skip(cpu.problem)
    assert not cpu.problem
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        assert "version 2 of cgroups has one tree for all" in memory.misfire
        assert len(groups(shared_run)) == 1
    else:
        assert not memory.problem
        assert len(groups(shared_run)) == 2
    keeper.end_faults()
    assert groups(shared_run) == []


def test_a_group_of_a_killed_keeper_is_removed_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    with new_run() as run:
        client = run.client()
        client.ensure("plain")
        begin(client, Schedule().at(0).quota_memory("plain", spare="50 MB"))
        assert groups(run)
        (keeper,) = run.keeper_pids()
        os.kill(keeper, signal.SIGKILL)
        assert eventually(lambda: not runs(keeper))
        run.client().ensure("plain")
        assert groups(run) == []


@pytest.mark.parametrize("fed", [False, True])
def test_no_group_remains_when_the_owner_is_killed(monkeypatch: pytest.MonkeyPatch, fed: bool) -> None:  # noqa: FBT001
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    with new_run() as run:
        client = run.client()
        pid = client.ensure("eater").pids[0]
        begin(client, Schedule().at(0).quota_memory("eater", spare="20 MB"))
        assert groups(run)
        if fed:
            feed(run, "eater", 60 * MB)
            assert eventually(lambda: not runs(pid))
        run.kill_owner()
        assert eventually(lambda: not run.folder.exists() and not run.keeper_pids())
        assert not runs(pid)
        assert groups(run) == []


def test_redis_is_killed_by_what_is_written_and_has_what_it_answered_for() -> None:
    with new_run(DEFAULT_RECIPES) as run:
        keeper = run.client()
        url = keeper.ensure("redis").url
        with redis.Redis.from_url(url) as client:
            client.set("before", 1)
            (record,) = begin(keeper, Schedule().at(0).quota_memory("redis", spare="20 MB"))
            assert record.misfire == ""
            with pytest.raises(redis.ConnectionError):
                write(client, 200)
        (record,) = keeper.end_faults()
        assert (record.misfire, record.killed) == ("", 1)
        assert record.evidence.endswith("1 was killed by the kernel for it, and redis was started again")
        assert keeper.ensure("redis").url == url
        with redis.Redis.from_url(url) as client:
            assert client.get("before") == b"1"
            write(client, 50)
        assert groups(run) == []
