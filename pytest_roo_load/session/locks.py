"""File locks that are polled, so that every wait can be interrupted."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Exclusivity", "locked"]

_POLL_S = 0.02


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock on a file, which is made when it is missing; the kernel frees it when the process ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
        while not _try(descriptor, mode):
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)


def _try(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode)
    except BlockingIOError:
        return False
    return True


class Exclusivity:
    """Keeps measurements of one run apart from everything else that its workers do.

    Ordinary tests hold the lock shared, tests that measure hold it alone. Everybody passes the gate first, and one who
    waits to be alone stays in it: so those who only share cannot keep a measurement waiting for ever.

    Args:
        folder: A folder that all workers of the run see; made when somebody first takes part.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._gate = folder / "gate.lock"
        self._lock = folder / "measuring.lock"

    def __repr__(self) -> str:
        return f"<Exclusivity in {self.folder}>"

    @contextlib.contextmanager
    def hold(self, *, alone: bool) -> Iterator[None]:
        """Wait for the lock, shared or alone, and hold it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            with locked(self._gate):
                stack.enter_context(locked(self._lock, shared=not alone))
            yield
