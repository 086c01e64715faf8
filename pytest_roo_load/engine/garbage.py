"""Python's garbage collector while load is generated."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["rarely_collected"]

_THRESHOLDS = 5_000, 20, 50
_lock = threading.Lock()
_before: list[tuple[int, int, int]] = []  # a process has one collector, whatever number of generators it has


@contextmanager
def rarely_collected() -> Iterator[None]:
    """What is there already is left alone, and what comes is looked at less often than usual, until the last one ends.

    Users that connect are much that is new and stays, of which the collector would look at all again and again: with
    10,000 of them it took a third of the generator's time. What clients make and drop while they are at it, is freed
    by counting references.
    """
    with _lock:
        gc.collect()
        gc.freeze()
        _before.append(gc.get_threshold())
        gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        with _lock:
            usual = _before.pop()
            if not _before:
                gc.set_threshold(*usual)
                gc.unfreeze()
