"""A process that uses up something: python -m pytest_roo_load.chaos.hog cpu SHARE | memory BYTES | disk FILE."""

from __future__ import annotations

import mmap
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["HOGS", "main"]

PERIOD_S = 0.02
BLOCKS, BLOCK = 64, bytes(1_000_000)


def _cpu(share: str) -> None:
    busy_s = float(share) * PERIOD_S
    while True:
        began = time.perf_counter()
        while time.perf_counter() - began < busy_s:
            pass
        time.sleep(PERIOD_S - busy_s)


def _memory(size: str) -> None:
    room = mmap.mmap(-1, max(1, int(size)))
    for place in range(0, len(room), mmap.PAGESIZE):
        room[place] = 1
    while True:
        time.sleep(3600)


def _disk(name: str) -> None:
    with Path(name).open("wb", buffering=0) as file:
        while True:
            file.seek(0)
            file.writelines(BLOCK for _ in range(BLOCKS))
            os.fsync(file.fileno())


HOGS: Mapping[str, Callable[[str], None]] = {"cpu": _cpu, "memory": _memory, "disk": _disk}


def main() -> None:
    """Be one, until killed."""
    kind, amount = sys.argv[1:]
    HOGS[kind](amount)


if __name__ == "__main__":
    main()
