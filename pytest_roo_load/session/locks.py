"""File locks that are polled, so that every wait can be interrupted."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["Exclusivity", "Stopped", "locked"]

_POLL_S = 0.02


class Stopped(Exception):
    """A wait for a lock was given up."""


def _never() -> bool:
    return False


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False, give_up: Callable[[], bool] = _never) -> Iterator[None]:
    """Hold a lock on a file, which is made when it is missing; the kernel frees it when the process ends.

    Args:
        path: The file.
        shared: Whether others may hold it at the same time, if they share it as well.
        give_up: Asked before each try.

    Raises:
        Stopped: `give_up` said so.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
        while not give_up():
            if _try(descriptor, mode):
                break
            time.sleep(_POLL_S)
        else:
            raise Stopped
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
    def hold(self, *, alone: bool, give_up: Callable[[], bool] = _never) -> Iterator[None]:
        """Wait for the lock, shared or alone, and hold it.

        Raises:
            Stopped: `give_up`, asked again and again, said so.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            with locked(self._gate, give_up=give_up):
                stack.enter_context(locked(self._lock, shared=not alone, give_up=give_up))
            yield
