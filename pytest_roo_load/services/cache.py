"""What is prepared once per machine and user and used by every run: PostgreSQL's templates, copied programs.

The folder has a name that everybody can guess and lies where everybody can write, so it is used only if it is a real
folder of ours. Entries appear complete or not at all; a lock file per entry lets runs use one at the same time while
only one builds or discards it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from pytest_roo_load.errors import ServiceError

__all__ = ["Cache", "Entry", "default_root"]

POLL_S = 0.02
PASSABLE = 0o711


def default_root() -> Path:
    """Where the cache of this user is."""
    return Path(tempfile.gettempdir()) / f"roo-load-cache-{os.geteuid()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry that may be used.

    Attributes:
        path: Where it is.
        reused: It was there before, perhaps built by another run.
    """

    path: Path
    reused: bool


class Cache:
    """The cache in the folder `root`, which is made when needed.

    Raises:
        ServiceError: `root` is there and not a folder of ours that only we can write to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(mode=PASSABLE)
            root.chmod(PASSABLE)
        except FileExistsError:
            pass
        found = root.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise ServiceError(
                f"the cache {root} is not a folder of our own that only we can write to: remove it or set TMPDIR"
            )

    def __repr__(self) -> str:
        entries = [entry.name for entry in self.root.iterdir() if entry.is_dir()]
        return f"<Cache {self.root}: {', '.join(sorted(entries)) or 'empty'}>"

    @contextlib.asynccontextmanager
    async def entry(self, key: str, build: Callable[[Path], Awaitable[None]]) -> AsyncIterator[Entry]:
        """The entry of this key, which nobody can discard inside the context.

        Args:
            key: A file name.
            build: Fills a new folder, mode 0700; called when there is no such entry.
        """
        path = self.root / key
        reused = True
        while True:
            async with self._lock(key, fcntl.LOCK_SH):
                if path.exists():
                    yield Entry(path=path, reused=reused)
                    return
            async with self._lock(key, fcntl.LOCK_EX):
                if not path.exists():
                    await self._build(path, build)
                    reused = False

    async def discard(self, key: str) -> None:
        """Delete an entry that has turned out to be damaged; waits until nobody uses it."""
        async with self._lock(key, fcntl.LOCK_EX):
            _delete(self.root / key)

    async def _build(self, path: Path, build: Callable[[Path], Awaitable[None]]) -> None:
        partial = path.with_name(f"{path.name}.partial")
        _delete(partial)  # of a run that was killed: we have the lock
        partial.mkdir(mode=0o700)
        try:
            await build(partial)
            partial.rename(path)
        except BaseException:
            _delete(partial)
            raise

    @contextlib.asynccontextmanager
    async def _lock(self, key: str, kind: int) -> AsyncIterator[None]:
        descriptor = os.open(self.root / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _locked(descriptor, kind):  # noqa: ASYNC110 - other processes hold it
                await asyncio.sleep(POLL_S)
            yield
        finally:
            os.close(descriptor)


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _delete(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
