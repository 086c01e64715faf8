"""How many files and sockets a process has open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

__all__ = ["connections_of", "descriptors_of"]


def descriptors_of(process: psutil.Process) -> int | None:
    """How many descriptors it has open; None where the system does not tell.

    Raises:
        psutil.NoSuchProcess: It has ended.
    """
    try:
        return int(process.num_fds())
    except (psutil.AccessDenied, AttributeError):
        return None


def connections_of(process: psutil.Process) -> int | None:
    """How many sockets it has open, of any family, listening ones among them; None where the system does not tell.

    A socket that two processes share counts for each. One that has ended has none. It takes some 4 µs for each
    descriptor where there is `/proc`.
    """
    try:
        return _links(process.pid) if psutil.LINUX else len(process.net_connections("all"))
    except (psutil.AccessDenied, PermissionError):
        return None
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return 0


def _links(pid: int) -> int:
    sockets = 0
    with _opened(f"{psutil.PROCFS_PATH}/{pid}/fd") as folder:
        for name in os.listdir(folder):  # noqa: PTH208 - relative to a descriptor
            try:
                sockets += os.readlink(name, dir_fd=folder).startswith("socket:")
            except FileNotFoundError:  # closed meanwhile
                continue
    return sockets


@contextmanager
def _opened(path: str) -> Iterator[int]:
    """A folder: names in it need not be looked up from the root, which spares a fifth of the time."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield folder
    finally:
        os.close(folder)
