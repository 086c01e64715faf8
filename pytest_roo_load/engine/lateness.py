"""Latency from the intended start: what an open plan's users record with."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from pytest_roo_load.core.little import Flying
from pytest_roo_load.engine.recorder import PhaseRecorder, RecorderSlot

__all__ = ["LateRecorder"]


class _LateSlot:
    """A slot for one operation that began later than it was meant to: its latency counts from the intended start."""

    __slots__ = ("_flying", "_late_s", "_slot", "ok")

    def __init__(self, slot: RecorderSlot, late_s: float, flying: Flying) -> None:
        self._slot = slot
        self._flying = flying
        self._late_s = late_s
        self.ok = self

    @property
    def started(self) -> int:
        return self._slot.started

    @started.setter
    def started(self, value: int) -> None:
        self._slot.started = value

    def append(self, service_s: float) -> None:
        """What a client does with `ok`."""
        self._slot.late_ok.append(service_s + self._late_s)
        self._slot.late_service.append(service_s)

    def fail(self, latency_s: float, kind: str, exemplar: str) -> None:
        """See `core.ports.Slot`."""
        self._flying.late_failed_s += self._late_s
        self._slot.fail(latency_s + self._late_s, kind, exemplar)


class LateRecorder:
    """One user's way to the generator's recorder.

    The first operation of an iteration carries the time by which the iteration began too late, because no user was
    free or the generator was busy; without that a stalled server would be asked less, and look better (coordinated
    omission). What the journey itself does before that operation, such as thinking, is no lateness.
    """

    def __init__(self, recorder: PhaseRecorder) -> None:
        self._recorder = recorder
        self._intended: float | None = None
        self._late_s = 0.0

    def __repr__(self) -> str:
        return f"<LateRecorder, {'an iteration is due' if self._intended is not None else 'nothing due'}>"

    def due(self, intended: float) -> None:
        """The iteration that begins now was meant to begin at this moment of `time.perf_counter`."""
        self._intended = intended
        self._late_s = max(0.0, perf_counter() - intended)

    def begin(self) -> None:
        """The iteration that was due begins only now, because its user had to be set up; unless that was recorded."""
        if self._intended is not None:
            self.due(self._intended)

    def lateness(self) -> float:
        """Seconds by which the iteration began late; 0 when its first operation has carried them."""
        return 0.0 if self._intended is None else self._late_s

    def slot(self, name: str) -> Any:
        """See `core.ports.Recorder`."""
        slot = self._recorder.slot(name)
        if self._intended is None:
            return slot
        self._intended = None
        return _LateSlot(slot, self._late_s, self._recorder.current.flying)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._recorder, name)
