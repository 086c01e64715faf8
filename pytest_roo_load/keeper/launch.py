"""Finds the keeper of a run or starts it, once, however many processes try."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pytest_roo_load.errors import KeeperError
from pytest_roo_load.keeper.folder import Folder
from pytest_roo_load.keeper.identity import Identity

__all__ = ["DEFAULT_RECIPES", "KeeperSettings", "connect", "connect_or_start"]

DEFAULT_RECIPES = "pytest_roo_load.services.stack:recipes"
START_S = 20.0
CONNECT_S = 5.0
POLL_S = 0.01
LOG = "keeper.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperSettings:
    """How the keeper of a run is found and started; the same in every process of the run.

    Attributes:
        folder: The run's private runtime folder with a short path, made by whoever comes first.
        owner_pid: The process whose end ends the keeper and all services: pytest, under xdist the controller.
        logs: Where the logs of the keeper and the services go; made when needed.
        recipes: Dotted name of a callable that returns the recipes by name.
    """

    folder: Path
    owner_pid: int
    logs: Path
    recipes: str = DEFAULT_RECIPES


def connect(folder: Folder) -> socket.socket | None:
    """A connection to the keeper that serves now, if there is one."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(CONNECT_S)
    try:
        connection.connect(str(folder.socket))
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        connection.close()
        return None
    except (TimeoutError, BlockingIOError) as error:
        connection.close()
        raise KeeperError(f"the keeper of {folder.path} takes no connections: has it been stopped?") from error
    except BaseException:
        connection.close()
        raise
    return connection


def connect_or_start(settings: KeeperSettings, folder: Folder) -> socket.socket:
    """A connection to the keeper, which is started unless it serves, starts or ends already.

    Raises:
        KeeperError: It could not be started.
    """
    deadline = time.monotonic() + START_S
    while True:
        connection = connect(folder)
        if connection is not None:
            return connection
        lock = folder.lock()
        if lock is not None:
            try:
                _start(settings, lock, deadline)
            finally:
                os.close(lock)
        elif time.monotonic() > deadline:
            raise KeeperError(
                f"a keeper holds {folder.path}/lock but did not answer within {START_S:.0f} s; "
                f"see {settings.logs / LOG}, or end the process and run again"
            )
        else:
            time.sleep(POLL_S)


def _start(settings: KeeperSettings, lock: int, deadline: float) -> None:
    owner = Identity.of(settings.owner_pid)
    if owner is None:
        raise KeeperError(f"no keeper was started: its owner, process {settings.owner_pid}, has ended")
    log = settings.logs / LOG
    settings.logs.mkdir(parents=True, exist_ok=True)
    reading, writing = (os.fdopen(end, mode, buffering=0) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
    with reading, writing, log.open("ab") as output:
        began = output.tell()
        first = subprocess.Popen(
            _command(settings, owner, lock, writing.fileno()),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_environment(),
            pass_fds=(lock, writing.fileno()),
            start_new_session=True,
        )
        writing.close()
        if not _reported(reading.fileno(), first, deadline):
            tail = log.read_bytes()[began:].decode(errors="replace").strip() or "nothing"
            raise KeeperError(f"the keeper could not be started; it wrote to {log}:\n{tail}")


def _command(settings: KeeperSettings, owner: Identity, lock: int, ready: int) -> list[str]:
    arguments: dict[str, object] = {
        "folder": settings.folder.absolute(),
        "logs": settings.logs.absolute(),
        "recipes": settings.recipes,
        "owner": owner,
        "lock": lock,
        "ready": ready,
    }
    command = [sys.executable, "-P", "-m", "pytest_roo_load.keeper"]
    return [*command, *(text for name, value in arguments.items() for text in (f"--{name}", str(value)))]


def _reported(descriptor: int, first: subprocess.Popen[bytes], deadline: float) -> bool:
    """Whether the keeper has written that it serves; what was started first only leaves it behind and ends."""
    report = b""
    try:
        if select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            report = os.read(descriptor, 100)
    finally:
        if not report:
            os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    return bool(report)


def _environment() -> dict[str, str]:
    """Ours, with the place of this package when the interpreter would not find it by itself."""
    home = Path(__file__).parents[2]
    if home.name in {"site-packages", "dist-packages"}:
        return dict(os.environ)
    paths = [str(home), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
