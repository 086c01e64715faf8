"""Processes that are measured from outside, whatever language they are written in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

import psutil

from benchmarks.cores import pinned

__all__ = ["ROOT", "Running", "program", "started", "until"]

ROOT = Path(__file__).parents[1]
_LOOK_S = 0.005
_Told = TypeVar("_Told")


class Running:
    """A process and its descendants."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._root = psutil.Process(process.pid)

    def __repr__(self) -> str:
        return f"<Running process {self._process.pid}>"

    def cpu_s(self) -> float:
        """Seconds of a core that all of them have used, those excepted that have ended."""
        times = self._each(lambda process: process.cpu_times())
        return float(sum(one.user + one.system for one in times))

    def memory_bytes(self) -> int:
        """What they have in memory; what they share counts once (proportional set size)."""
        return sum(self._each(lambda process: int(process.memory_full_info().pss)))

    def largest_bytes(self) -> int:
        """Resident memory of the largest of them."""
        return max(self._each(lambda process: int(process.memory_info().rss)))

    def wait(self, timeout_s: float) -> None:
        """Wait for its end.

        Raises:
            RuntimeError: It failed.
        """
        if status := self._process.wait(timeout_s):
            raise RuntimeError(f"{self._process.args!r} ended with status {status}")

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def _each(self, ask: Callable[[psutil.Process], _Told]) -> list[_Told]:
        found: list[_Told] = []
        for process in [self._root, *self._root.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                found.append(ask(process))
        return found


@contextmanager
def started(
    command: Sequence[str | Path], core: int, *, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator[Running]:
    """A process on one core, from the clone's folder; killed with its descendants at the end of the block.

    Args:
        command: Program and arguments.
        core: Where it runs.
        environment: Variables besides those of this process.
        log: Where its output goes; default: nowhere.
    """
    with (log or Path(os.devnull)).open("ab") as output, pinned(core):
        process = subprocess.Popen(
            [*map(str, command)],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Running(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def program(name: str) -> str | None:
    """Where a program is, on the path or beside this interpreter; None when it is not installed."""
    beside = Path(sys.executable).parent
    return shutil.which(name, path=os.pathsep.join([str(beside), os.environ.get("PATH", "")]))


def until(is_so: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: It was not so in time.
    """
    end = monotonic() + timeout_s
    while not is_so():
        if monotonic() > end:
            raise TimeoutError(f"not within {timeout_s:.0f} s")
        sleep(_LOOK_S)
