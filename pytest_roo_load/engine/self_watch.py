"""A generator watches itself: how late its event loop wakes, how long it waits for a core, how long garbage takes."""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from pytest_roo_load.core.histogram import Histogram
from pytest_roo_load.core.validity import Health

__all__ = ["SelfWatch"]

_SCHEDSTAT = Path("/proc/thread-self/schedstat")


class SelfWatch:
    """Collects what `core.validity.Health` tells, from `begin` (the start of the steady phase) to `end`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lags = Histogram()
        self._recent: list[float] = []
        self._pause_began = 0.0
        self._longest_pause = 0.0
        self._paused_s = 0.0
        self._began: tuple[float, float, float | None] | None = None

    def __repr__(self) -> str:
        return f"<SelfWatch of {self._name}, {'watching' if self._began else 'not watching'}>"

    @property
    def watching(self) -> bool:
        """Whether `begin` was called."""
        return self._began is not None

    def begin(self) -> None:
        """Start to watch."""
        gc.callbacks.append(self._on_garbage)
        self._began = perf_counter(), process_time(), _queued_s()

    def late(self, lag_s: float) -> None:
        """The event loop woke up this much late; ignored while not watching."""
        if self._began is not None:
            self._recent.append(max(0.0, lag_s))

    def end(self) -> Health:
        """Stop to watch."""
        with suppress(ValueError):
            gc.callbacks.remove(self._on_garbage)
        self._lags.add(self._recent)
        wall, cpu, queued = self._since()
        return Health(
            name=self._name,
            pid=os.getpid(),
            lag_p95_s=self._lags.percentile(95),
            lag_max_s=self._lags.maximum if self._lags.count else None,
            starved=queued / wall if wall and queued is not None else None,
            cpu=cpu / wall if wall else None,
            gc_pause_max_s=self._longest_pause,
            gc_share=self._paused_s / wall if wall else None,
        )

    def _since(self) -> tuple[float, float, float | None]:
        if self._began is None:
            return 0.0, 0.0, None
        wall, cpu, queued = self._began
        now = _queued_s()
        return (
            perf_counter() - wall,
            process_time() - cpu,
            now - queued if now is not None and queued is not None else None,
        )

    def _on_garbage(self, phase: str, _info: dict[str, Any]) -> None:
        if phase == "start":
            self._pause_began = perf_counter()
        else:
            pause = perf_counter() - self._pause_began
            self._paused_s += pause
            self._longest_pause = max(self._longest_pause, pause)


def _queued_s() -> float | None:
    """Seconds that this thread was ready to run and waited for a core (proc(5), schedstat); None where not told."""
    try:
        return int(_SCHEDSTAT.read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return None
