"""What this process uses: memory, CPU time, and how late its event loop is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import psutil

_EVERY_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Resident memory in bytes and CPU time in seconds since the start."""

    memory_bytes: int
    cpu_s: float


class ProcessStats:
    """Reads the process' usage on demand; `watch` measures the event loop's lag until it is cancelled."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.lag_s = 0.0

    def __repr__(self) -> str:
        return f"<ProcessStats lag {self.lag_s:.3f} s>"

    def usage(self) -> Usage:
        """Return what the process uses now."""
        with self._process.oneshot():
            times = self._process.cpu_times()
            return Usage(memory_bytes=self._process.memory_info().rss, cpu_s=times.user + times.system)

    def memory_bytes(self) -> int:
        """Return the resident memory."""
        return int(self._process.memory_info().rss)

    def address_space_bytes(self) -> int:
        """Return the size of the address space, which is what the system limits."""
        return int(self._process.memory_info().vms)

    def descriptors(self) -> int:
        """Return how many descriptors are open."""
        return int(self._process.num_fds())

    async def watch(self) -> None:
        """Keep ``lag_s``, how much later than asked the loop came back from its last pause; never returns."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _EVERY_S
            await asyncio.sleep(_EVERY_S)
            self.lag_s = max(0.0, loop.time() - due)
