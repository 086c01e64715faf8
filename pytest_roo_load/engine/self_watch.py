"""A generator watches itself: how late its event loop wakes, how long it waits for a core, how long garbage takes."""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

from pytest_roo_load.core.histogram import Histogram
from pytest_roo_load.core.validity import Health

__all__ = ["SelfWatch"]

_SCHEDSTAT = Path("/proc/thread-self/schedstat")


class _Moment(NamedTuple):
    """Seconds on the wall, of CPU that this process used, and that this thread waited for a core."""

    wall: float
    cpu: float
    queued: float | None


class _Stretch:
    """What is known of some time, which may have gaps.

    Attributes:
        lags: How late the event loop woke up, each time, in seconds.
        longest_pause: Of the garbage collector, in seconds.
    """

    def __init__(self) -> None:
        self.lags: list[float] = []
        self.longest_pause = 0.0
        self._paused = 0.0
        self._wall = self._cpu = 0.0
        self._queued: float | None = 0.0
        self._began: _Moment | None = None

    def __repr__(self) -> str:
        return f"<_Stretch of {self._wall:.3f} s{' and more' if self.runs else ''}>"

    @property
    def runs(self) -> bool:
        """Whether it goes on."""
        return self._began is not None

    def start(self, now: _Moment) -> None:
        """It goes on from now."""
        self._began = now

    def stop(self, now: _Moment) -> None:
        """It is over, or has a gap."""
        assert self._began is not None
        began, self._began = self._began, None
        self._wall += now.wall - began.wall
        self._cpu += now.cpu - began.cpu
        if self._queued is None or now.queued is None or began.queued is None:
            self._queued = None
        else:
            self._queued += now.queued - began.queued

    def pause(self, seconds: float) -> None:
        """The garbage collector held everything up."""
        self._paused += seconds
        self.longest_pause = max(self.longest_pause, seconds)

    def seen(self) -> dict[str, float | None]:
        """Figures of `Health` by name."""
        lags = Histogram()
        lags.add(self.lags)
        wall = self._wall
        return {
            "lag_p95_s": lags.percentile(95),
            "lag_max_s": lags.maximum if lags.count else None,
            "starved": self._queued / wall if wall and self._queued is not None else None,
            "cpu": self._cpu / wall if wall else None,
            "gc_share": self._paused / wall if wall else None,
        }


class SelfWatch:
    """Collects what `core.validity.Health` tells, from the start of the steady phase to `end`.

    It is told twice, of all that time and of its steady phases alone, and the worse counts: what follows a steady phase
    must not make up for it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._pause_began = 0.0
        self._whole = _Stretch()
        self._steady = _Stretch()

    def __repr__(self) -> str:
        return f"<SelfWatch of {self._name}, {'watching' if self.watching else 'not watching'}>"

    @property
    def watching(self) -> bool:
        """Whether a steady phase has begun."""
        return self._whole.runs

    def phase(self, *, steady: bool) -> None:
        """A phase begins; the first steady one starts the watch."""
        now = _now()
        if steady and not self.watching:
            gc.callbacks.append(self._on_garbage)
            self._whole.start(now)
        if steady and not self._steady.runs:
            self._steady.start(now)
        elif not steady and self._steady.runs:
            self._steady.stop(now)

    def late(self, lag_s: float) -> None:
        """The event loop woke up this much late; ignored while not watching."""
        for stretch in self._running():
            stretch.lags.append(max(0.0, lag_s))

    def end(self) -> Health:
        """Stop to watch."""
        with suppress(ValueError):
            gc.callbacks.remove(self._on_garbage)
        now = _now()
        for stretch in self._running():
            stretch.stop(now)
        seen = (self._whole.seen(), self._steady.seen())

        def worse(name: str) -> float | None:
            return max((value for one in seen if (value := one[name]) is not None), default=None)

        return Health(
            name=self._name,
            pid=os.getpid(),
            lag_p95_s=worse("lag_p95_s"),
            lag_max_s=worse("lag_max_s"),
            starved=worse("starved"),
            cpu=worse("cpu"),
            gc_pause_max_s=self._whole.longest_pause,
            gc_share=worse("gc_share"),
        )

    def _running(self) -> list[_Stretch]:
        return [stretch for stretch in (self._whole, self._steady) if stretch.runs]

    def _on_garbage(self, phase: str, _info: dict[str, Any]) -> None:
        if phase == "start":
            self._pause_began = perf_counter()
        else:
            for stretch in self._running():
                stretch.pause(perf_counter() - self._pause_began)


def _now() -> _Moment:
    return _Moment(perf_counter(), process_time(), _queued_s())


def _queued_s() -> float | None:
    """Seconds that this thread was ready to run and waited for a core (proc(5), schedstat); None where not told."""
    try:
        return int(_SCHEDSTAT.read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return None
