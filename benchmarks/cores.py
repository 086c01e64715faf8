"""Who runs on which core: what is loaded on one, what loads on the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["GENERATOR", "GENERATORS", "SERVER", "pinned", "unhurried"]

_CORES = sorted(os.sched_getaffinity(0))
SERVER = _CORES[0]
GENERATOR = _CORES[-1]
GENERATORS = _CORES[1:] or _CORES


@contextmanager
def pinned(*cores: int) -> Iterator[None]:
    """Processes that are started inside run on these cores alone; so does this process meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def unhurried() -> Iterator[None]:
    """Processes that are started inside do not interrupt each other when they wake up (SCHED_BATCH, sched(7))."""
    before = os.sched_getscheduler(0)
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    try:
        yield
    finally:
        os.sched_setscheduler(0, before, os.sched_param(0))
