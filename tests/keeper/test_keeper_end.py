"""However a run ends, nothing of it remains."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from keeper_lab import HERE, Run, eventually, new_run, runs, told

from pytest_roo_load.errors import KeeperError
from pytest_roo_load.keeper import launch
from pytest_roo_load.keeper.client import Keeper, KeeperSettings
from pytest_roo_load.keeper.identity import Identity

NAMES = ("plain", "mother", "stubborn")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    with new_run() as run:
        yield run


def all_pids(run: Run) -> list[int]:
    """The keeper and everything below it."""
    (keeper,) = run.keeper_pids()
    return [keeper, *(child.pid for child in psutil.Process(keeper).children(recursive=True))]


def gone(run: Run, pids: list[int]) -> bool:
    return not run.folder.exists() and not [pid for pid in pids if runs(pid)]


def test_owner_killed(run: Run) -> None:
    for name in NAMES:
        run.client().ensure(name)
    pids = all_pids(run)
    assert len(pids) > 4
    run.kill_owner()
    assert eventually(lambda: gone(run, pids))
    assert '"reason": "the owner has ended"' in run.log("keeper-journal.ndjson")


def test_owner_killed_while_a_service_starts(run: Run) -> None:
    worker = run.elsewhere("keeper.ensure('slow')")
    assert eventually(lambda: run.started("slow"))
    pids = all_pids(run)
    run.kill_owner()
    assert eventually(lambda: gone(run, pids))
    worker.communicate(timeout=10)
    assert worker.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_to_the_keeper(run: Run, number: signal.Signals) -> None:
    run.client().ensure("needy")
    pids = all_pids(run)
    os.kill(pids[0], number)
    assert eventually(lambda: gone(run, pids))


def test_keeper_killed_ends_its_services_and_the_next_one_clears_the_folder(run: Run) -> None:
    client = run.client()
    pids = [client.ensure(name).pids[0] for name in ("needy", "stubborn")]
    left = run.folder / "plain" / "left behind"
    left.touch()
    (run.folder / "of somebody else").touch()
    os.kill(run.keeper_pids()[0], signal.SIGKILL)
    assert eventually(lambda: not runs(pids[0]))
    with pytest.raises(KeeperError, match="has ended and its services with it"):
        client.ensure("plain")
    assert "has died" in repr(client)
    info = run.client().ensure("plain")  # a client that has not known the first keeper
    assert runs(info.pids[0])
    assert not left.exists()
    assert (run.folder / "of somebody else").exists()
    assert not [pid for pid in pids if runs(pid)]


def test_shutdown_after_the_keeper_was_killed_removes_processes_and_folder(run: Run) -> None:
    client = run.client()
    client.ensure("mother")
    pids = all_pids(run)
    os.kill(pids[0], signal.SIGKILL)
    client.shutdown()
    assert not run.folder.exists()
    assert len(pids) == 3  # the keeper, the service, and a child that has left it
    assert not [pid for pid in pids if runs(pid)]


def test_the_next_run_sweeps_folders_whose_keeper_was_killed(run: Run) -> None:
    stale = Run(run.parent, run.settings.recipes)
    stale.client().ensure("plain")
    os.kill(stale.keeper_pids()[0], signal.SIGKILL)
    stale.kill_owner()
    os.utime(stale.folder, (0, 0))
    fresh, foreign = run.parent / "roo-fresh", run.parent / "roo-foreign"
    for other in (fresh, foreign):
        other.mkdir()
    os.utime(foreign, (0, 0))
    run.client().ensure("plain")
    assert eventually(lambda: not stale.folder.exists())
    assert fresh.exists()
    assert foreign.exists()


def test_a_run_that_goes_on_is_not_swept(run: Run) -> None:
    other = Run(run.parent, run.settings.recipes)
    info = other.client().ensure("plain")
    os.utime(other.folder, (0, 0))
    run.client().ensure("plain")
    run.client().shutdown()
    assert runs(info.pids[0])
    assert other.folder.exists()
    other.client().shutdown()
    other.kill_owner()


def test_interrupt_from_the_terminal_reaches_neither_keeper_nor_services(run: Run) -> None:
    code = """
import signal
info = keeper.ensure("plain")
tell(info.pids)
try:
    signal.pause()
except KeyboardInterrupt:
    raise SystemExit(0)
"""
    worker = run.elsewhere(code)  # leads a group of its own, as pytest does in a terminal
    assert eventually(lambda: len(run.client().services()) == 1)
    pids = all_pids(run)
    os.killpg(worker.pid, signal.SIGINT)
    assert told(worker) == pids[1:]
    assert worker.returncode == 0
    assert all(map(runs, pids))


def test_interrupt_ends_the_wait_for_a_service(run: Run) -> None:
    code = """
try:
    keeper.ensure("slow")
except KeyboardInterrupt:
    tell("interrupted")
"""
    worker = run.elsewhere(code)
    assert eventually((run.settings.logs / "slow.log").exists)
    os.killpg(worker.pid, signal.SIGINT)
    assert told(worker) == "interrupted"


def test_pid_of_the_owner_used_again_counts_as_its_end(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Earlier(Identity):
        @classmethod
        def of(cls, pid: int) -> Identity:
            return Identity(pid, 1)

    monkeypatch.setattr(launch, "Identity", Earlier)
    with pytest.raises(KeeperError):
        run.client().ensure("plain")
    assert eventually(lambda: not run.folder.exists())
    assert '"reason": "the owner had ended before"' in run.log("keeper-journal.ndjson")


def test_owner_of_the_settings_may_be_this_process(tmp_path: Path, run: Run) -> None:
    settings = KeeperSettings(
        folder=run.folder, owner_pid=os.getpid(), logs=tmp_path / "deep" / "logs", recipes=run.settings.recipes
    )
    with Keeper(settings) as keeper:
        assert keeper.ensure("plain").log == str(tmp_path / "deep" / "logs" / "plain.log")
