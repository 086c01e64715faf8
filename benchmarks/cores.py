"""Who runs on which core: what is loaded on one, what loads on the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["GENERATOR", "GENERATORS", "SERVER", "pinned"]

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
