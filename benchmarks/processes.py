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
    """A process and its descendants.

    Attributes:
        pid: The process itself.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid
        self._root = psutil.Process(process.pid)

    def __repr__(self) -> str:
        return f"<Running process {self.pid}>"

    def cpu_s(self, word: str = "") -> float:
        """Seconds of a core that they have used, those excepted that have ended.

        Args:
            word: Of the command lines of those that count; default: all.
        """
        return sum(self._each(word, lambda process: float(sum(process.cpu_times()[:2]))))

    def resident_bytes(self, word: str = "") -> int:
        """Their resident memory."""
        return sum(self._each(word, lambda process: int(process.memory_info().rss)))

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

    def _each(self, word: str, ask: Callable[[psutil.Process], _Told]) -> list[_Told]:
        told: list[_Told] = []
        for process in [self._root, *self._root.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                if any(word in part for part in process.cmdline()):
                    told.append(ask(process))
        return told


@contextmanager
def started(
    command: Sequence[str | Path], *cores: int, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator[Running]:
    """A process on these cores, from the clone's folder; killed with its descendants at the end of the block.

    Args:
        command: Program and arguments.
        cores: Where it runs.
        environment: Variables besides those of this process.
        log: Where its output goes; default: nowhere.
    """
    with (log or Path(os.devnull)).open("ab") as output, pinned(*cores):
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
