"""What a client of the keeper can rely on, tried with small services."""

from __future__ import annotations

import json
import os
import signal
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from keeper_lab import HERE, Run, eventually, new_run, runs, told

from pytest_roo_load.errors import KeeperError, ServiceError, UsageError
from pytest_roo_load.keeper.client import Keeper, KeeperSettings


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    with new_run() as run:
        yield run


def test_services_are_empty_and_nothing_starts_without_a_keeper(run: Run) -> None:
    assert run.client().services() == {}
    run.client().shutdown()
    assert not run.folder.exists()


def test_ensure_starts_a_service_once_for_all_clients(run: Run) -> None:
    first = run.client().ensure("plain")
    assert (first.name, first.url, first.version) == ("plain", "test://plain", "1.0")
    assert runs(first.pids[0])
    assert run.client().ensure("plain") == first
    assert told(run.elsewhere("tell(keeper.ensure('plain').pids)")) == list(first.pids)
    assert run.client().services() == {"plain": first}


def test_concurrent_callers_in_several_processes_share_keeper_and_service(run: Run) -> None:
    workers = [run.elsewhere("tell(keeper.ensure('needy').pids)") for _ in range(4)]
    answers = [told(worker) for worker in workers]
    assert answers[0] == answers[1] == answers[2] == answers[3]
    assert len(run.keeper_pids()) == 1


def test_threads_share_a_client(run: Run) -> None:
    client = run.client()
    with ThreadPoolExecutor(8) as pool:
        infos = list(pool.map(client.ensure, ["plain"] * 8))
    assert len({info.pids for info in infos}) == 1


def test_what_a_service_needs_is_started_and_its_address_handed_over(run: Run) -> None:
    assert run.client().ensure("needy").url == "test://needy+test://plain"
    assert set(run.client().services()) == {"needy", "plain"}


def test_a_service_starts_again_when_what_it_needs_has_moved(run: Run) -> None:
    assert run.client().ensure("follower").url == "test://new"


def test_options_of_the_first_call_decide_and_others_are_refused_without_their_values(run: Run) -> None:
    client = run.client()
    info = client.ensure("plain", colour="secret-red")
    assert client.ensure("plain", colour="secret-red") == info
    with pytest.raises(UsageError, match="other options before: 'colour'") as caught:
        client.ensure("plain", colour="secret-blue")
    assert "secret" not in str(caught.value)


def test_an_option_of_none_is_not_given(run: Run) -> None:
    client = run.client()
    assert client.ensure("plain", colour=None) == client.ensure("plain")


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("nonsense", {}, "unknown service: 'nonsense' .allowed: broken"),
        ("plain", {"size": "3"}, "unknown option of the service plain: 'size' .allowed: colour"),
    ],
)
def test_what_does_not_exist_is_a_usage_error(run: Run, name: str, options: dict[str, str], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        run.client().ensure(name, **options)


def test_a_failing_start_tells_the_last_lines_of_the_log_and_what_to_do(run: Run) -> None:
    with pytest.raises(ServiceError) as caught:
        run.client().ensure("broken")
    text = str(caught.value)
    assert "exited with status 3 before it was ready" in text
    assert "line 11\n" in text
    assert "line 30\n" in text
    assert "line 10\n" not in text
    assert "This is what to do." in text
    assert str(run.settings.logs / "broken.log") in text


def test_a_failing_helper_is_told_too(run: Run) -> None:
    with pytest.raises(ServiceError, match=r"(?s)status 4 while the service was prepared.*could not prepare"):
        run.client().ensure("unprepared")


def test_a_failing_need_fails_the_service_at_once_with_its_own_words(run: Run) -> None:
    with pytest.raises(ServiceError, match=r"broken: sh .*exited with status 3"):
        run.client().ensure("fragile")
    assert run.client().services() == {}


def test_a_defect_in_a_recipe_reaches_the_caller(run: Run) -> None:
    with pytest.raises(KeeperError, match="the keeper failed: KeyError: 'missing'"):
        run.client().ensure("defect")


def test_a_service_that_dies_later_is_noticed(run: Run) -> None:
    client = run.client()
    client.ensure("mortal")
    (run.folder / "mortal" / "die").touch()
    assert eventually(lambda: "mortal" not in client.services())
    with pytest.raises(ServiceError, match="exited with status 7 after it had been ready"):
        client.ensure("mortal")


def test_a_service_killed_by_a_signal_is_named_by_it(run: Run) -> None:
    client = run.client()
    os.kill(client.ensure("plain").pids[0], signal.SIGKILL)
    assert eventually(lambda: not client.services())
    with pytest.raises(ServiceError, match="was killed by SIGKILL"):
        client.ensure("plain")


def test_shutdown_ends_everything_and_is_idempotent(run: Run) -> None:
    client = run.client()
    pids = [client.ensure(name).pids[0] for name in ("needy", "mother", "stubborn")]
    keeper = run.keeper_pids()
    client.shutdown()
    assert not [pid for pid in pids if runs(pid)]
    assert eventually(lambda: not [pid for pid in keeper if runs(pid)])
    assert not run.folder.exists()
    client.shutdown()
    assert client.services() == {}


def test_what_a_service_has_left_running_by_itself_ends_with_the_keeper(run: Run) -> None:
    client = run.client()
    mother = psutil.Process(client.ensure("mother").pids[0])
    assert eventually(mother.children)
    (child,) = mother.children()
    mother.kill()  # the child is now the keeper's
    assert eventually(lambda: child.ppid() in run.keeper_pids())
    client.shutdown()
    assert not runs(child.pid)


def test_after_its_shutdown_a_client_starts_nothing(run: Run) -> None:
    client = run.client()
    client.ensure("plain")
    client.shutdown()
    with pytest.raises(KeeperError, match="was shut down"):
        client.ensure("plain")


def test_shutdown_ends_a_start_that_goes_on_and_tells_who_waits_for_it(run: Run) -> None:
    errors: list[Exception] = []

    def wait() -> None:
        try:
            run.client().ensure("slow")
        except KeeperError as error:
            errors.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert eventually((run.settings.logs / "slow.log").exists)
    run.client().shutdown()
    waiter.join(10)
    assert "slow was not started: the keeper is ending" in str(errors[0])


def test_shutdown_against_a_crowd_that_starts_leaves_nothing_when_the_owner_ends(run: Run) -> None:
    code = """
from pytest_roo_load.errors import ServiceError
for _ in range(3):
    try:
        keeper.ensure("plain")
    except ServiceError:
        pass
tell("done")
"""
    workers = [run.elsewhere(code) for _ in range(3)]
    while any(worker.poll() is None for worker in workers):
        run.client().shutdown()
    assert [told(worker) for worker in workers] == ["done"] * 3
    run.kill_owner()
    assert eventually(lambda: not run.keeper_pids() and not run.folder.exists())


def test_folder_socket_and_journal(run: Run) -> None:
    client = run.client()
    client.ensure("plain", colour="secret-red")
    assert stat.S_IMODE(run.folder.stat().st_mode) == 0o711
    assert stat.S_IMODE((run.folder / "k").stat().st_mode) == 0o700
    assert stat.S_IMODE((run.folder / "k" / "s").stat().st_mode) == 0o600
    client.shutdown()
    journal = run.log("keeper-journal.ndjson")
    actions = [json.loads(line)["action"] for line in journal.splitlines()]
    assert actions == ["serve", "start", "started", "end", "stop"]
    assert "secret" not in journal


def test_repr_tells_the_state(run: Run) -> None:
    client = run.client()
    assert repr(client) == f"<Keeper {run.folder}: not asked yet>"
    client.ensure("plain")
    assert repr(client) == f"<Keeper {run.folder}: process {run.keeper_pids()[0]} serves>"
    client.shutdown()
    assert repr(client) == f"<Keeper {run.folder}: shut down>"


def test_context_manager_shuts_down(run: Run) -> None:
    with run.client() as client:
        pid = client.ensure("plain").pids[0]
    assert not runs(pid)


def test_a_keeper_for_an_owner_that_has_ended_is_not_started(run: Run) -> None:
    run.kill_owner()
    with pytest.raises(KeeperError, match=r"its owner, process \d+, has ended"):
        run.client().ensure("plain")


def test_a_keeper_that_cannot_start_shows_its_log(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (run.parent / "psutil.py").write_text("raise RuntimeError('no psutil today')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(run.parent))
    with pytest.raises(KeeperError, match=r"(?s)could not be started.*no psutil today"):
        run.client().ensure("plain")


def test_recipes_that_cannot_be_loaded_reach_the_caller(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "")
    with pytest.raises(KeeperError, match="No module named 'recipes_for_tests'"):
        run.client().ensure("plain")


def test_a_folder_that_is_too_long_or_not_ours_is_refused(tmp_path: Path) -> None:
    def keeper(folder: Path) -> Keeper:
        return Keeper(KeeperSettings(folder=folder, owner_pid=os.getpid(), logs=tmp_path))

    with pytest.raises(KeeperError, match="longer than 70 bytes"):
        keeper(tmp_path / ("x" * 80))
    short = Path("/tmp") / f"rl-{os.urandom(4).hex()}"
    short.mkdir()
    short.chmod(0o777)
    try:
        with pytest.raises(KeeperError, match="not a folder of our own"):
            keeper(short).ensure("plain")
    finally:
        short.rmdir()
