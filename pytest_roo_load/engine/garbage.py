"""Python's garbage collector while load is generated."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["rarely_collected"]

_THRESHOLDS = 5_000, 20, 50


@contextmanager
def rarely_collected() -> Iterator[None]:
    """What is there already is left alone, and what comes is looked at less often than usual.

    Users that connect are much that is new and stays, of which the collector would look at all again and again: with
    10,000 of them it took a third of the generator's time. What clients make and drop while they are at it, is freed
    by counting references.
    """
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
