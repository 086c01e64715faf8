"""What the tests of the keeper share: a run of their own with a throw-away owner, and waiting with a deadline."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

import pytest_roo_load
from pytest_roo_load.chaos.cgroups import hierarchy_of
from pytest_roo_load.errors import FaultError
from pytest_roo_load.keeper.client import Keeper, KeeperSettings

HERE = Path(__file__).parent
FAKES = "recipes_for_tests:recipes"
SOURCE = Path(next(iter(pytest_roo_load.__path__))).parent


def eventually(predicate: Callable[[], Any], *, within_s: float = 10.0) -> bool:
    """Whether the predicate becomes true in time."""
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while not predicate():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.01)
    return True


def runs(pid: int) -> bool:
    """Whether a process with this pid runs; one that has ended and was not waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def memory_groups_refused() -> str:
    """Why tests make no groups of memory; empty when they may.

    Such a group is made beneath the one that the tests are in. Where another program has made that one, it may count
    on finding its processes there, so it takes a word that this does no harm.
    """
    if os.environ.get("TEST_MEMORY_GROUPS") == "1":
        return ""
    try:
        hierarchy = hierarchy_of("memory")
        home = hierarchy.home_of(os.getpid())
    except FaultError:
        return ""  # the fault will say so itself
    if home == hierarchy.mount:
        return ""
    return f"{home} was made by another program; TEST_MEMORY_GROUPS=1 allows groups beneath it"


def groups(run: Run) -> list[Path]:
    """The groups of processes that faults of the run have made."""
    return list(Path("/sys/fs/cgroup").rglob(f"{run.folder.name}-*"))


def listens(url: str) -> bool:
    """Whether somebody accepts connections at the port of this URL."""
    port = int(url.rpartition(":")[2].partition("/")[0])
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


class Run:
    """A run with a runtime folder, logs, and an owner that is a process of its own."""

    def __init__(self, parent: Path, recipes: str) -> None:
        self.parent = parent
        self.workers: list[subprocess.Popen[str]] = []
        self.owner = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
        self.settings = KeeperSettings(
            folder=parent / f"roo-{os.urandom(4).hex()}",
            owner_pid=self.owner.pid,
            logs=parent / "logs",
            recipes=recipes,
        )

    @property
    def folder(self) -> Path:
        return self.settings.folder

    def client(self) -> Keeper:
        return Keeper(self.settings)

    def keeper_pids(self) -> list[int]:
        """The keepers of this run, found by their command line, which a child has too until it runs its program."""
        alike = {
            process.pid: process.info["ppid"]
            for process in psutil.process_iter(["cmdline", "ppid"])
            if str(self.folder) in (process.info["cmdline"] or []) and runs(process.pid)
        }
        return [pid for pid, parent in alike.items() if parent not in alike]

    def log(self, name: str) -> str:
        return (self.settings.logs / name).read_text(encoding="utf-8")

    def started(self, service: str) -> bool:
        """Whether the keeper has started a process of the service."""
        journal = self.folder / "journal.ndjson"
        lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
        return any('"started"' in line and f'"{service}"' in line for line in lines)

    def kill_owner(self) -> None:
        end(self.owner)

    def elsewhere(self, code: str) -> subprocess.Popen[str]:
        """Another process of the run that has `keeper` and prints JSON with `tell(...)`."""
        prelude = f"""
import json, pathlib, signal
from pytest_roo_load.keeper.client import Keeper, KeeperSettings
keeper = Keeper(KeeperSettings(folder=pathlib.Path({str(self.folder)!r}), owner_pid={self.owner.pid},
                               logs=pathlib.Path({str(self.settings.logs)!r}), recipes={self.settings.recipes!r}))
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
def tell(value):
    print(json.dumps(value), flush=True)
"""
        worker = subprocess.Popen(
            [sys.executable, "-c", f"{prelude}\n{code}"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])},
            start_new_session=True,
        )
        self.workers.append(worker)
        return worker


def told(process: subprocess.Popen[str]) -> Any:
    """What a process of `Run.elsewhere` has told, when it has ended."""
    output, _ = process.communicate(timeout=60)
    return json.loads(output)


def end(process: subprocess.Popen[Any]) -> None:
    """Kill a process and let go of its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


@contextmanager
def new_run(recipes: str = FAKES) -> Iterator[Run]:
    """A run in a temporary folder that service accounts can pass through; nothing of it may be left at the end."""
    parent = Path(tempfile.mkdtemp(prefix="rl-"))
    parent.chmod(0o711)
    run = Run(parent, recipes)
    try:
        yield run
        run.client().shutdown()
        assert eventually(lambda: not run.keeper_pids())
        assert not run.folder.exists()
    finally:
        for pid in run.keeper_pids():
            os.kill(pid, signal.SIGKILL)
        end(run.owner)
        for worker in run.workers:
            end(worker)
        shutil.rmtree(parent, ignore_errors=True)
