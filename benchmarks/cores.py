"""Who runs on which core: what is loaded on one, what loads on the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["GENERATOR", "SERVER", "pinned"]

_CORES = sorted(os.sched_getaffinity(0))
SERVER = _CORES[0]
GENERATOR = _CORES[-1]


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Processes that are started inside run on this core alone; so does this process meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
