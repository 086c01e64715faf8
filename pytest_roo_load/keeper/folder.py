"""The runtime folder of a run and the one lock that says who may act in it.

    <folder>/lock             held by the keeper for its life; a starter takes it and hands it on
    <folder>/journal.ndjson   what the keeper has started and stopped
    <folder>/k/s              the keeper's socket
    <folder>/<service>/       what belongs to one service

Whoever holds the lock may delete the folder, the lock file last. Hence the rule for everybody who takes it: the lock
counts only if the file is still in the folder (`Folder.lock`); otherwise the folder was deleted in between and there
is a new one to make. Starting, ending and sweeping can so not get into each other's way.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import time
from pathlib import Path

from pytest_roo_load.errors import KeeperError

__all__ = ["JOURNAL", "Folder", "stale_siblings"]

JOURNAL = "journal.ndjson"
MARK = b"pytest-roo-load keeper\n"  # a folder is swept only if its lock file says that it is one of ours
LONGEST = 70  # bytes; PostgreSQL's socket below it must stay under the kernel's 107
STALE_S = 5.0
PRIVATE = 0o700
PASSABLE = 0o711  # an account that runs a service must be able to pass through


class Folder:
    """The runtime folder of a run, which need not exist yet.

    Raises:
        KeeperError: The path is too long for the sockets in it, or somebody else's.
    """

    def __init__(self, path: Path) -> None:
        path = path.absolute()
        if len(os.fsencode(path)) > LONGEST:
            raise KeeperError(
                f"the runtime folder {path} is longer than {LONGEST} bytes, too long for the sockets in it: "
                f"choose a shorter temporary folder with TMPDIR"
            )
        self.path = path
        self.socket = path / "k" / "s"
        self.journal = path / JOURNAL

    def __repr__(self) -> str:
        return f"<Folder {self.path}: {'exists' if self.path.exists() else 'does not exist'}>"

    def make(self) -> None:
        """Create it unless it exists; refuse one that others could write to."""
        try:
            self.path.mkdir(mode=PASSABLE)
            self.path.chmod(PASSABLE)  # whatever the umask is
        except (FileExistsError, FileNotFoundError):
            pass
        try:
            found = self.path.lstat()
        except FileNotFoundError:  # deleted in between; who takes the lock tries again
            return
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise KeeperError(f"the runtime folder {self.path} is not a folder of our own that only we can write to")

    def lock(self) -> int | None:
        """Take the lock if it is free; makes the folder when there is none.

        Returns:
            A descriptor that holds the lock until it is closed in every process that has it; None when it is not free.
        """
        self.make()
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC | os.O_CREAT, 0o600)
        except FileNotFoundError:  # the folder was deleted in between
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._holds(descriptor):
                return descriptor
        except BlockingIOError:
            pass
        os.close(descriptor)
        return None

    def _holds(self, descriptor: int) -> bool:
        try:
            there = (self.path / "lock").stat()
        except FileNotFoundError:
            return False
        mine = os.fstat(descriptor)
        if not mine.st_size:
            os.pwrite(descriptor, MARK, 0)
        return os.path.samestat(mine, there)

    def remove(self) -> None:
        """Delete it; only for who holds the lock."""
        for entry in self._entries():
            if entry.name != "lock":
                _delete(entry)
        (self.path / "lock").unlink(missing_ok=True)
        try:
            self.path.rmdir()
        except OSError:
            return  # somebody who starts a keeper has just made a new lock file: it is theirs now

    def _entries(self) -> list[Path]:
        try:
            return list(self.path.iterdir())
        except FileNotFoundError:
            return []

    def discard(self, names: set[str]) -> None:
        """Delete what an earlier keeper that was killed has left: its socket and the folders of these services."""
        for name in {"k", *names}:
            _delete(self.path / name)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def stale_siblings(path: Path) -> list[Folder]:
    """Runtime folders next to `path` that look abandoned; whoever sweeps one must get its lock first."""
    found = []
    for other in path.parent.glob("roo-*"):
        try:
            ours = other != path and other.lstat().st_uid == os.geteuid() and not other.is_symlink()
            if ours and _marked(other / "lock") and time.time() - other.stat().st_mtime > STALE_S:
                found.append(Folder(other))
        except (OSError, KeeperError):
            continue  # somebody else's, or it has just gone
    return found


def _marked(lock: Path) -> bool:
    return lock.is_file() and lock.read_bytes() == MARK
