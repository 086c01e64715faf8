"""Removes what the dead have left: children, System V shared memory, the services of a killed keeper."""

from __future__ import annotations

import ctypes
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from pytest_roo_load.chaos.bounds import CONTROLLERS
from pytest_roo_load.chaos.cgroups import hierarchy_of, named
from pytest_roo_load.errors import FaultError
from pytest_roo_load.keeper.folder import Folder
from pytest_roo_load.keeper.identity import Identity
from pytest_roo_load.keeper.journal import remains

__all__ = ["MARK", "clear", "descendants", "remove_groups", "remove_segments"]

MARK = "ROO_KEEPER_FOLDER"  # in the environment of every process that a keeper has started
IPC_RMID = 0
WAIT_S, POLL_S = 2.0, 0.005


def clear(folder: Folder) -> None:
    """Undo what a killed keeper has left in a folder whose lock we hold; what others keep there stays."""
    left = remains(folder.journal)
    for stranger in left.strangers:
        stranger.signal(signal.SIGCONT)
    _kill([*left.processes, *_marked(str(folder.path))])
    remove_segments({identity.pid for identity in left.processes})
    remove_groups(folder.path.name)
    folder.discard(set(left.services))


def remove_groups(prefix: str) -> None:
    """Remove the groups in which faults of a run have put processes, which have ended by now."""
    for controller in CONTROLLERS:
        with suppress(FaultError):  # there can be none
            for group in list(named(hierarchy_of(controller), f"{prefix}-")):
                with suppress(OSError):  # somebody else is in it
                    group.rmdir()


def _kill(identities: Iterable[Identity]) -> None:
    """Kill these and all they have started, and wait for their ends: they are nobody's children any more."""
    alive = [identity for identity in identities if identity.alive]
    tree = [*alive, *(below for identity in alive for below in descendants(identity.pid))]
    for identity in tree:
        identity.signal(signal.SIGKILL)
    deadline = time.monotonic() + WAIT_S
    while any(identity.alive for identity in tree) and time.monotonic() < deadline:
        time.sleep(POLL_S)


def _marked(mark: str) -> list[Identity]:
    """What runs with this mark in its environment, however far it has gone from its parents."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for process in psutil.process_iter():
        try:
            if wanted in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0"):
                found.append(Identity.of(process.pid))
        except OSError:
            continue  # it has ended, or it is somebody else's
    return [identity for identity in found if identity]


def descendants(pid: int) -> list[Identity]:
    """Everything that this process has started, as far as it runs."""
    try:
        found = [Identity.of(child.pid) for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
    return [identity for identity in found if identity]


def remove_segments(creators: set[int]) -> None:
    """Remove the System V shared memory that these dead processes have made and nobody is attached to.

    PostgreSQL keeps 56 bytes there as an interlock and leaves them behind when it is killed.
    """
    try:
        header, *rows = Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return
    columns = header.split()
    for row in rows:
        entry = dict(zip(columns, map(int, row.split()), strict=False))
        if entry["cpid"] in creators and not entry["nattch"]:
            ctypes.CDLL(None).shmctl(entry["shmid"], IPC_RMID, None)
