"""Load shedding: when the server has more to do than it can, it says so at once instead of everybody too late."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import gc
import os
import resource
import sys
from collections import Counter
from dataclasses import dataclass

from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.process_stats import ProcessStats

_LOOK_S = 0.1
# Descriptors that are kept free for the database, Redis and files.
_KEPT_FREE = 32
# Bytes of address space that are kept free where the system limits it: what is in flight needs some to come to its end.
_KEPT_FREE_BYTES = 16 * 1024 * 1024
_NO_THREAD = "can't start new thread"  # a thread's stack is memory, too
_RETRY_AFTER_S = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What one process takes on: requests at a time, lateness of its event loop, resident memory (0 for any)."""

    in_flight: int
    lag_s: float
    memory_bytes: int


class Gate:
    """Lets requests in while there is capacity; `watch` keeps an eye on memory and descriptors.

    ``shed`` counts the refused ones by what there was too much or too little of.
    """

    def __init__(self, capacity: Capacity, process: ProcessStats, shed: Counter[str]) -> None:
        self._capacity = capacity
        self._process = process
        self._shed = shed
        self._short_of: str | None = None
        self.in_flight = 0
        self.draining = False

    def __repr__(self) -> str:
        state = "draining" if self.draining else self.full() or "open"
        return f"<Gate {state}, {self.in_flight} of {self._capacity.in_flight} requests in flight>"

    def full(self) -> str | None:
        """Return what there is too much or too little of; None when another request can be taken."""
        if self._short_of is not None:
            return self._short_of
        if self.in_flight >= self._capacity.in_flight:
            return "requests"
        return "event_loop" if self._process.lag_s > self._capacity.lag_s else None

    def refuse_if_full(self) -> None:
        """Refuse a request that cannot be taken on now.

        Raises:
            ApiError: 503 ``OVERLOADED``.
        """
        reason = self.full()
        if reason is not None:
            self._shed[reason] += 1
            raise overloaded(reason, close=reason == "descriptors")
        self.refuse_without_room()

    def refuse_without_room(self) -> None:
        """Refuse what needs more memory where the system has set a limit that is near.

        Asked for each request and each piece of a body, since memory is used up faster than `watch` looks.

        Raises:
            ApiError: 503 ``OVERLOADED``.
        """
        if not self._has_room():
            self._shed["memory"] += 1
            raise overloaded("memory")

    def _has_room(self) -> bool:
        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        return most == resource.RLIM_INFINITY or most - self._process.address_space_bytes() >= _KEPT_FREE_BYTES

    def _short_of_memory(self) -> bool:
        most = self._capacity.memory_bytes
        return bool(most and self._process.memory_bytes() > most) or not self._has_room()

    async def empty(self) -> None:
        """Return when no request is in flight."""
        while self.in_flight:  # noqa: ASYNC110 - an event would cost every request something
            await asyncio.sleep(_LOOK_S / 10)

    async def watch(self) -> None:
        """Look at memory and descriptors until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_S)

    def look_for_descriptors(self) -> None:
        """Find out whether there are enough; a crowd of WebSockets, which keep theirs, is faster than `watch`."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if most != resource.RLIM_INFINITY and next_descriptor() >= most - _KEPT_FREE:
            self._short_of = "descriptors"
        elif self._short_of == "descriptors":
            self._short_of = None

    def look(self) -> None:
        """Find out what the process is short of."""
        self.look_for_descriptors()
        if self._short_of == "descriptors":
            return
        if self._short_of_memory():
            give_back_memory()
        self._short_of = "memory" if self._short_of_memory() else None


def exhaustion(error: BaseException) -> ApiError | None:
    """Return the answer for an error that says that something is used up: 503 or 507; None for any other error."""
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _NO_THREAD in str(error)):
        return overloaded("memory")
    number = error.errno if isinstance(error, OSError) else None
    if number in {errno.EMFILE, errno.ENFILE}:
        return overloaded("descriptors", close=True)
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return ApiError(507, "INSUFFICIENT_STORAGE", "There is no space left")
    return None


def overloaded(reason: str, *, close: bool = False) -> ApiError:
    """Return the 503 answer; ``close`` gives the connection back as well."""
    headers = {"Retry-After": _RETRY_AFTER_S} | ({"Connection": "close"} if close else {})
    return ApiError(503, "OVERLOADED", f"The server is overloaded ({reason}), try again", headers=headers)


def give_back_memory() -> None:
    """Return unused memory to the system, so that what is measured is what is needed."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
    if trim is not None:
        trim(0)


def next_descriptor() -> int:
    """Return the lowest free descriptor: no fewer are open. Numbers are given out from below (POSIX, open)."""
    try:
        descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return sys.maxsize
    os.close(descriptor)
    return descriptor
