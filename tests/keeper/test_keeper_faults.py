"""The keeper breaks what it is told, sees that it is broken, and mends it, however the run ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

import psutil
import pytest
from keeper_lab import HERE, Run, eventually, new_run, runs

from pytest_roo_load.core.faults.fault import FaultRecord
from pytest_roo_load.core.faults.schedule import Schedule
from pytest_roo_load.errors import KeeperError, UsageError
from pytest_roo_load.keeper.client import Keeper


@pytest.fixture(scope="module")
def shared_run() -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch, new_run_with(patch) as run:
        yield run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    with new_run_with(monkeypatch) as run:
        yield run


def new_run_with(patch: pytest.MonkeyPatch) -> AbstractContextManager[Run]:
    patch.setenv("PYTHONPATH", str(HERE))
    return new_run()


@pytest.fixture
def keeper(shared_run: Run) -> Iterator[Keeper]:
    client = shared_run.client()
    client.ensure("plain")
    yield client
    client.end_faults()


def status(pid: int) -> str:
    return psutil.Process(pid).status()


def carry_out(keeper: Keeper, schedule: Schedule) -> Sequence[FaultRecord]:
    """Carry it out to its end."""
    keeper.begin_faults(time.monotonic(), schedule.faults)
    eventually(lambda: all(one.ended_s is not None or one.problem for one in keeper.faults()))
    return keeper.end_faults()


def pid_of(keeper: Keeper, name: str = "plain") -> int:
    return keeper.services()[name].pids[0]


def started_again(keeper: Keeper, name: str, before: int) -> bool:
    """Whether it runs, ready or not, as another process."""
    info = keeper.services().get(name)
    return info is not None and info.pids[0] != before


def test_kill_and_restart(keeper: Keeper) -> None:
    before = keeper.ensure("plain")
    (record,) = carry_out(keeper, Schedule().at(0).kill("plain").then_after(0.1).restart("plain"))
    after = keeper.ensure("plain")
    assert not record.misfire
    assert record.evidence == f"process {before.pids[0]} ended"
    assert record.began_s is not None
    assert record.ended_s is not None
    assert 0 <= record.began_s < 0.1 <= record.ended_s
    assert not runs(before.pids[0])
    assert runs(after.pids[0])
    assert (after.url, after.version) == (before.url, before.version)


def test_what_is_killed_and_not_restarted_is_restarted_when_the_load_has_ended(keeper: Keeper) -> None:
    before = pid_of(keeper)
    keeper.begin_faults(time.monotonic(), Schedule().at(0).kill("plain").faults)
    assert eventually(lambda: keeper.faults()[0].evidence)
    assert not runs(before)
    assert "plain" not in keeper.services()
    (record,) = keeper.end_faults()
    assert (record.ended_s, record.misfire) == (None, "")
    assert runs(pid_of(keeper))


def test_a_process_that_is_started_again_has_the_same_command_and_environment(keeper: Keeper) -> None:
    def facts() -> tuple[object, ...]:
        process = psutil.Process(pid_of(keeper))
        return process.cmdline(), {key: value for key, value in process.environ().items() if key != "_"}

    before = facts()
    carry_out(keeper, Schedule().at(0).restart("plain"))
    assert facts() == before


def test_terminate(keeper: Keeper) -> None:
    before = pid_of(keeper)
    (record,) = carry_out(keeper, Schedule().at(0).terminate("plain").then_after(0.05).restart("plain"))
    assert not record.misfire
    assert pid_of(keeper) != before


def test_a_child_that_would_outlive_its_service_does_not(keeper: Keeper) -> None:
    mother = keeper.ensure("mother").pids[0]
    (child,) = psutil.Process(mother).children()
    (record,) = carry_out(keeper, Schedule().at(0).kill("mother").then_after(0.05).restart("mother"))
    assert not record.misfire
    assert not runs(child.pid)


def test_pause_stops_the_children_as_well(keeper: Keeper) -> None:
    mother = keeper.ensure("mother").pids[0]
    (child,) = psutil.Process(mother).children()
    keeper.begin_faults(time.monotonic(), Schedule().at(0).pause("mother").faults)
    assert eventually(lambda: "stopped" in keeper.faults()[0].evidence)
    assert {status(mother), status(child.pid)} == {psutil.STATUS_STOPPED}
    keeper.end_faults()
    assert psutil.STATUS_STOPPED not in {status(mother), status(child.pid)}


def test_a_crash_loop_crashes_as_often_as_it_was_told_however_long_a_start_takes(
    keeper: Keeper, shared_run: Run
) -> None:
    before = keeper.ensure("tardy").pids[0]
    starts = shared_run.log("tardy.log").count("ready\n")
    (record,) = carry_out(keeper, Schedule().at(0).crash_loop("tardy", times=3, every=0.01))
    assert not record.misfire
    assert record.evidence == f"process {before} ended, the first of 3 times"
    assert shared_run.log("tardy.log").count("ready\n") == starts + 3
    assert runs(pid_of(keeper, "tardy"))


def test_a_crash_loop_that_the_end_of_the_load_cuts_off_did_not_take_hold(keeper: Keeper) -> None:
    before = pid_of(keeper)
    keeper.begin_faults(time.monotonic(), Schedule().at(0).crash_loop("plain", times=2, every=600).faults)
    assert eventually(lambda: started_again(keeper, "plain", before))
    (record,) = keeper.end_faults()
    assert record.misfire.endswith("it did not take hold: plain had crashed 1 of 2 times when the load ended")
    assert (record.ended_s, record.took_hold) == (None, False)
    assert runs(pid_of(keeper))


def test_a_crash_loop_that_finds_nothing_to_kill_says_so(keeper: Keeper) -> None:
    twice = Schedule().at(0).kill("plain").at(0.1).crash_loop("plain", times=1, every=0.1).then_after(0.2)
    _, record = carry_out(keeper, twice.restart("plain"))
    assert record.misfire.endswith("it did not take hold: no process of plain runs")


def test_slow_start(keeper: Keeper) -> None:
    schedule = Schedule().at(0).kill("plain").then_after(0.05).restart("plain", slow=0.3)
    (record,) = carry_out(keeper, schedule)
    assert record.ended_s is not None
    assert record.ended_s >= 0.35


@pytest.mark.parametrize("slow", [0, 60])
def test_a_start_that_the_end_of_the_load_cuts_off_is_waited_for(keeper: Keeper, shared_run: Run, slow: float) -> None:
    before = keeper.ensure("tardy").pids[0]
    starts = shared_run.log("tardy.log").count("ready\n")
    outage = Schedule().at(0).kill("tardy").then_after(0.05).restart("tardy", slow=slow)
    keeper.begin_faults(time.monotonic(), outage.faults)
    assert eventually(lambda: started_again(keeper, "tardy", before))
    assert not slow or eventually(lambda: status(pid_of(keeper, "tardy")) == psutil.STATUS_STOPPED)
    (record,) = keeper.end_faults()
    assert (record.ended_s, record.misfire) == (None, "")
    assert status(pid_of(keeper, "tardy")) != psutil.STATUS_STOPPED
    assert shared_run.log("tardy.log").count("ready\n") == starts + 1


def test_what_was_started_again_slowly_once_is_waited_for_the_next_time(keeper: Keeper, shared_run: Run) -> None:
    before = keeper.ensure("tardy").pids[0]
    keeper.begin_faults(time.monotonic(), Schedule().at(0).restart("tardy", slow=60).faults)
    assert eventually(lambda: started_again(keeper, "tardy", before))
    keeper.end_faults()
    starts = shared_run.log("tardy.log").count("ready\n")
    (record,) = carry_out(keeper, Schedule().at(0).restart("tardy"))
    assert not record.misfire
    assert shared_run.log("tardy.log").count("ready\n") == starts + 1


def test_one_process_of_a_service(keeper: Keeper) -> None:
    before = keeper.ensure("twins")
    (record,) = carry_out(keeper, Schedule().at(0).kill("twins-2").then_after(0.05).restart("twins-2"))
    after = keeper.ensure("twins")
    assert not record.misfire
    assert after.pids[0] == before.pids[0]
    assert after.pids[1] != before.pids[1]


def test_a_fault_that_does_not_take_hold_says_so(keeper: Keeper) -> None:
    twice = Schedule().at(0).kill("plain").at(0.1).kill("plain").then_after(0.1).restart("plain")
    first, second = carry_out(keeper, twice)
    assert not first.misfire
    assert "it did not take hold: no process of plain runs" in second.misfire


def test_a_service_that_cannot_be_mended_says_so(keeper: Keeper) -> None:
    """It starts once only."""
    keeper.ensure("once")
    (record,) = carry_out(keeper, Schedule().at(0).kill("once").then_after(0.05).restart("once"))
    assert "could not be mended" in record.misfire
    assert "I start once" in record.misfire


@pytest.mark.parametrize(
    ("target", "told"), [("nothing", "nothing to break of this name"), ("plain-2", "nothing to break of this name")]
)
def test_targets_that_are_not_there(keeper: Keeper, target: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        keeper.begin_faults(time.monotonic(), Schedule().at(0).kill(target).faults)
    assert "plain" in caught.value.allowed
    assert keeper.faults() == ()


def test_the_faults_of_one_load_at_a_time(keeper: Keeper) -> None:
    keeper.begin_faults(time.monotonic(), Schedule().at(60).kill("plain").faults)
    with pytest.raises(KeeperError, match="those of another load have not ended"):
        keeper.begin_faults(time.monotonic(), Schedule().at(60).kill("plain").faults)
    (record,) = keeper.end_faults()
    assert record.began_s is None
    assert "the load had ended" in record.misfire


def test_what_a_process_of_the_run_has_left_broken_can_be_mended_by_another(keeper: Keeper, shared_run: Run) -> None:
    paused = pid_of(keeper)
    leader = shared_run.elsewhere(f"""
import time
from pytest_roo_load.core.faults.schedule import Schedule
keeper.begin_faults({time.monotonic()!r}, Schedule().at(0).pause("plain").faults)
time.sleep(1000)
""")
    assert eventually(lambda: status(paused) == psutil.STATUS_STOPPED)
    leader.kill()
    leader.wait()
    keeper.mend()
    assert status(paused) != psutil.STATUS_STOPPED
    assert keeper.faults() == ()
    (record,) = carry_out(keeper, Schedule().at(0).restart("plain"))
    assert not record.misfire, "there is room for others"


def test_nothing_is_to_be_mended_without_a_keeper_and_none_is_started(run: Run) -> None:
    run.client().mend()
    assert not run.keeper_pids()
    assert not run.folder.exists()


def test_strangers_can_be_paused_and_not_restarted(keeper: Keeper, shared_run: Run) -> None:
    stranger = {"theirs": ("http://127.0.0.1:1", [shared_run.owner.pid])}
    keeper.begin_faults(time.monotonic(), Schedule().at(0).pause("theirs").faults, stranger)
    assert eventually(lambda: status(shared_run.owner.pid) == psutil.STATUS_STOPPED)
    keeper.end_faults()
    assert status(shared_run.owner.pid) != psutil.STATUS_STOPPED


def test_nothing_can_be_broken_without_a_keeper(run: Run) -> None:
    with pytest.raises(KeeperError, match="no keeper"):
        run.client().begin_faults(time.monotonic(), Schedule().at(0).kill("plain").faults)


BROKEN = {
    "killed": Schedule().at(0).kill("plain"),
    "paused": Schedule().at(0).pause("mother"),
    "in a crash loop": Schedule().at(0).crash_loop("plain", times=100, every=0.05),
    "about to be killed": Schedule().at(60).kill("plain"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_nothing_remains_when_the_owner_is_killed_in_the_middle_of_a_fault(run: Run, kind: str) -> None:
    client = run.client()
    for name in ("plain", "mother"):
        client.ensure(name)
    stranger = psutil.Popen(["sleep", "1000"])
    try:
        pause = Schedule().at(0).pause("theirs")
        client.begin_faults(
            time.monotonic(), [*BROKEN[kind].faults, *pause.faults], {"theirs": ("http://127.0.0.1:1", [stranger.pid])}
        )
        assert eventually(lambda: stranger.status() == psutil.STATUS_STOPPED)
        (keeper,) = run.keeper_pids()
        pids = [keeper, *(child.pid for child in psutil.Process(keeper).children(recursive=True))]
        run.kill_owner()
        assert eventually(lambda: not run.folder.exists() and not [pid for pid in pids if runs(pid)])
        assert stranger.status() != psutil.STATUS_STOPPED
    finally:
        stranger.kill()
        stranger.wait()


def test_a_stranger_that_a_killed_keeper_has_paused_goes_on_with_the_next_keeper(run: Run) -> None:
    client = run.client()
    client.ensure("plain")
    stranger = psutil.Popen(["sleep", "1000"])
    try:
        pause = Schedule().at(0).pause("theirs")
        client.begin_faults(time.monotonic(), pause.faults, {"theirs": ("http://127.0.0.1:1", [stranger.pid])})
        assert eventually(lambda: stranger.status() == psutil.STATUS_STOPPED)
        (keeper,) = run.keeper_pids()
        os.kill(keeper, signal.SIGKILL)
        assert eventually(lambda: not runs(keeper))
        run.client().ensure("plain")
        assert stranger.status() != psutil.STATUS_STOPPED
    finally:
        stranger.kill()
        stranger.wait()


def test_the_journal_tells_what_was_broken_before_it_was(run: Run) -> None:
    client = run.client()
    client.ensure("plain")
    carry_out(client, Schedule().at(0).restart("plain"))
    lines = (run.folder / "journal.ndjson").read_text(encoding="utf-8").splitlines()
    actions = [line.split('"action": "')[1].split('"')[0] for line in lines]
    assert actions.index("break") < actions.index("started", actions.index("break"))
