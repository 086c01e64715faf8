"""Looks at the processes of a run once a second, and at the edges of the steady phase."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_roo_load.core.result import ResourceUse
from pytest_roo_load.core.timeline import ProcessUse

__all__ = ["Meter", "cores_available"]


def cores_available() -> int:
    """How many cores this process, and what it starts, may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(slots=True, kw_only=True)
class _Span:
    first: tuple[float, float]
    last: tuple[float, float]
    memory_peak: int = 0
    looks: int = 0


class Meter:
    """Sums up the looks of the steady phase; memory does not grow with time."""

    def __init__(self) -> None:
        self._spans: dict[str, _Span] = {}
        self.latest: Mapping[str, ProcessUse] = {}
        self.looked_s = 0.0
        self._seen: set[str] = set()
        self._lost: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Meter of {', '.join(self._spans) or 'nothing'}>"

    def look(self, at_s: float, uses: Mapping[str, ProcessUse], *, steady: bool) -> None:
        """Take what the probe saw at a moment of the load."""
        self.latest, self.looked_s = uses, at_s
        for name in self._seen - uses.keys():
            self._lost.setdefault(name, f"process {name!r} was gone at second {at_s:.0f}")
        for name in (name for name, use in uses.items() if use.ended):
            self._lost.setdefault(name, f"one of the processes {name!r} was gone at second {at_s:.0f}")
        self._seen |= uses.keys()
        if not steady:
            return
        for name, use in uses.items():
            span = self._spans.setdefault(name, _Span(first=(at_s, use.cpu_s), last=(at_s, use.cpu_s)))
            span.last = at_s, use.cpu_s
            span.memory_peak = max(span.memory_peak, use.memory_bytes)
            span.looks += 1

    def lost(self, *, but: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Processes that were there and then were not, in words; `but` are those that were meant to end."""
        return tuple(
            f"{told} of the load: what was measured is not what was meant"
            for name, told in self._lost.items()
            if name not in but
        )

    def summary(self) -> dict[str, ResourceUse]:
        """What each process used in the steady phase."""
        cores = cores_available()
        return {name: _use(span, cores) for name, span in self._spans.items()}


def _use(span: _Span, cores: int) -> ResourceUse:
    (began, cpu_before), (ended, cpu_after) = span.first, span.last
    mean = (cpu_after - cpu_before) / (ended - began) / cores if ended > began else None
    return ResourceUse(memory_peak=span.memory_peak, cpu_mean=mean, cores=cores, looks=span.looks)
