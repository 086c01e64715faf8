"""Who runs on which core: what is loaded on one, what loads on the other."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["GENERATOR", "GENERATORS", "SERVER", "SLICE_S", "pinned", "unhurried"]

_CORES = sorted(os.sched_getaffinity(0))
SERVER = _CORES[0]
GENERATOR = _CORES[-1]
GENERATORS = _CORES[1:] or _CORES
SLICE_S = 0.1  # the longest that the kernel allows
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # Python has no name for it


class _Attributes(ctypes.Structure):
    """What sched_setattr(2) takes."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime_ns", ctypes.c_uint64),
        ("deadline_ns", ctypes.c_uint64),
        ("period_ns", ctypes.c_uint64),
    )


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
def unhurried(slice_s: float = 0.0) -> Iterator[None]:
    """Processes that are started inside do not interrupt each other when they wake up (SCHED_BATCH, sched(7)).

    Args:
        slice_s: How long one has a core before another gets it; 0 is as long as usual. Kernels before 6.12, and
            processors other than those above, take no notice of it.
    """
    before = os.sched_getscheduler(0)
    _schedule(os.SCHED_BATCH, slice_s)
    try:
        yield
    finally:
        _schedule(before, 0.0)


def _schedule(policy: int, slice_s: float) -> None:
    """Schedule this process so, and what it starts.

    Raises:
        OSError: The kernel refuses.
    """
    if platform.machine() not in _SCHED_SETATTR:
        os.sched_setscheduler(0, policy, os.sched_param(0))
        return
    attributes = _Attributes(size=ctypes.sizeof(_Attributes), policy=policy, runtime_ns=round(slice_s * 1e9))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(_SCHED_SETATTR[platform.machine()], 0, ctypes.byref(attributes), 0):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
