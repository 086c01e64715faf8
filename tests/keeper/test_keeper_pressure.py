"""What is taken away is taken away, within bounds, and given back, however the run ends."""

from __future__ import annotations

import os
import resource
import signal
import socket
import time
from collections.abc import Iterator

import psutil
import pytest
from keeper_lab import HERE, Run, eventually, groups, memory_groups_refused, new_run, runs

from pytest_roo_load.core.faults.fault import FaultRecord
from pytest_roo_load.core.faults.schedule import Schedule
from pytest_roo_load.errors import UsageError
from pytest_roo_load.keeper.client import Keeper

INFINITE = resource.RLIM_INFINITY


@pytest.fixture(scope="module")
def shared_run() -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))
        with new_run() as run:
            yield run


@pytest.fixture
def keeper(shared_run: Run) -> Iterator[Keeper]:
    client = shared_run.client()
    client.ensure("plain")
    client.ensure("mother")
    yield client
    client.end_faults()


def begin(keeper: Keeper, schedule: Schedule) -> FaultRecord:
    """The record of the one fault as soon as it is applied."""
    keeper.begin_faults(time.monotonic(), schedule.faults)
    assert eventually(lambda: keeper.faults()[0].evidence or keeper.faults()[0].problem)
    return keeper.faults()[0]


def limits(pid: int) -> dict[str, tuple[int, int]]:
    return {
        "files": resource.prlimit(pid, resource.RLIMIT_NOFILE),
        "memory": resource.prlimit(pid, resource.RLIMIT_AS),
        "disk": resource.prlimit(pid, resource.RLIMIT_FSIZE),
    }


@pytest.mark.parametrize(
    ("schedule", "what"),
    [
        (Schedule().at(0).limit_files("mother", spare=2), "files"),
        (Schedule().at(0).limit_memory("mother", spare="10 MB"), "memory"),
        (Schedule().at(0).fill_disk("mother"), "disk"),
    ],
)
def test_limits_of_a_service_and_its_children(keeper: Keeper, schedule: Schedule, what: str) -> None:
    mother = keeper.services()["mother"].pids[0]
    (child,) = psutil.Process(mother).children()
    before = limits(mother)
    record = begin(keeper, schedule)
    assert not record.misfire
    assert "limited" in record.evidence
    for pid in (mother, child.pid):
        (soft, hard), others = limits(pid)[what], {k: v for k, v in limits(pid).items() if k != what}
        assert hard == before[what][1]
        assert soft not in (before[what][0], INFINITE)
        assert others == {k: v for k, v in before.items() if k != what}
    keeper.end_faults()
    assert limits(mother) == limits(child.pid) == before


def test_a_share_of_the_cpu(keeper: Keeper) -> None:
    pid = keeper.ensure("busy").pids[0]

    def used() -> float:
        began = sum(psutil.Process(pid).cpu_times()[:2])
        deadline = time.monotonic() + 1
        assert not eventually(lambda: time.monotonic() > deadline + 1, within_s=1)
        return sum(psutil.Process(pid).cpu_times()[:2]) - began

    record = begin(keeper, Schedule().at(0).limit_cpu("busy", share="20 %"))
    assert record.evidence == "busy is stopped 80% of the time"
    limited = used()
    keeper.end_faults()
    assert limited < 0.5
    assert psutil.Process(pid).status() != psutil.STATUS_STOPPED


def test_a_quota_of_the_cpu(keeper: Keeper, shared_run: Run) -> None:
    pid = keeper.ensure("busy").pids[0]
    record = begin(keeper, Schedule().at(0).quota_cpu("busy", share="20 %"))
    if "not available here" in record.problem:
        pytest.skip(record.problem)
    assert (record.evidence, record.misfire) == ("1 process of busy together get 20% of a core", "")
    (group,) = groups(shared_run)
    assert (group / "cgroup.procs").read_text().split() == [str(pid)]
    began, used = time.monotonic(), cpu_s(pid)
    assert eventually(lambda: time.monotonic() > began + 2)
    assert cpu_s(pid) - used < 0.3 * (time.monotonic() - began)
    keeper.end_faults()
    assert groups(shared_run) == []
    used = cpu_s(pid)
    assert eventually(lambda: cpu_s(pid) > used + 0.5)


def test_a_group_of_a_killed_keeper_is_removed_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    with new_run() as run:
        client = run.client()
        client.ensure("busy")
        record = begin(client, Schedule().at(0).quota_cpu("busy", share="20 %"))
        if "not available here" in record.problem:
            pytest.skip(record.problem)
        assert groups(run)
        (keeper,) = run.keeper_pids()
        os.kill(keeper, signal.SIGKILL)
        assert eventually(lambda: not runs(keeper))
        run.client().ensure("plain")
        assert groups(run) == []


def cpu_s(pid: int) -> float:
    return sum(psutil.Process(pid).cpu_times()[:2])


def test_connections_are_taken_and_given_back(keeper: Keeper, shared_run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=300) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert shared_run.owner.pid
        service = keeper.ensure("listener", colour=url)
        record = begin(keeper, Schedule().at(0).take_connections("listener", count=150))
        assert record.evidence == "150 connections to listener are held"
        assert service.url == url
        taken = [server.accept()[0] for _ in range(150)]
        keeper.end_faults()
        assert [one.recv(1) for one in taken] == [b""] * 150
        for one in taken:
            one.close()


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        (Schedule().at(0).hog_cpu(processes=2, share="50 %"), "2 processes use cpu (0.5 each)"),
        (Schedule().at(0).hog_memory(size="50 MB"), "1 processes use memory (50000000 each)"),
        (Schedule().at(0).hog_disk(), "1 processes use disk (hog-0 each)"),
    ],
)
def test_hogs(keeper: Keeper, shared_run: Run, schedule: Schedule, told: str) -> None:
    record = begin(keeper, schedule)
    (pid,) = shared_run.keeper_pids()
    hogs = [one for one in psutil.Process(pid).children() if any("chaos.hog" in part for part in one.cmdline())]
    assert (record.evidence, record.misfire) == (told, "")
    assert hogs
    keeper.end_faults()
    assert not [one for one in hogs if runs(one.pid)]
    assert not list((shared_run.folder / "hogs").iterdir())


def test_more_memory_than_there_is_is_refused(keeper: Keeper) -> None:
    with pytest.raises(Exception, match="more than 80% of what is available"):
        begin(keeper, Schedule().at(0).hog_memory(size="100000 GB"))


def test_limits_of_strangers_are_refused(keeper: Keeper, shared_run: Run) -> None:
    stranger = {"theirs": ("http://127.0.0.1:1", [shared_run.owner.pid])}
    with pytest.raises(UsageError, match="not to be done to theirs: 'fill_disk'"):
        keeper.check_faults(Schedule().at(0).fill_disk("theirs").faults, stranger)


EVERYTHING = (
    Schedule()
    .at(0).limit_files("mother")
    .at(0).fill_disk("mother")
    .at(0).limit_memory("mother", spare="1 MB")
    .at(0).limit_cpu("plain", share="50 %")
    .at(0).quota_cpu("plain", share="50 %")
    .at(0).quota_memory("mother", spare="5 MB")
    .at(0).hog_cpu(processes=2, share="10 %")
    .at(0).hog_memory(size="20 MB")
    .at(0).hog_disk()
)  # fmt: skip


def test_nothing_remains_when_the_owner_is_killed_under_pressure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    with new_run() as run:
        client = run.client()
        client.ensure("plain")
        client.ensure("mother")
        allowed = [one for one in EVERYTHING.faults if one.verb != "quota_memory" or not memory_groups_refused()]
        client.begin_faults(time.monotonic(), allowed)
        assert eventually(lambda: all(one.evidence or one.problem for one in client.faults()))
        assert [one.misfire for one in client.faults() if one.misfire and "not available here" not in one.misfire] == []
        (keeper,) = run.keeper_pids()
        pids = [keeper, *(child.pid for child in psutil.Process(keeper).children(recursive=True))]
        assert len(pids) >= 8
        run.kill_owner()
        assert eventually(lambda: not run.folder.exists() and not [pid for pid in pids if runs(pid)])
        assert groups(run) == []
