"""Takes samples on the hot path and folds them into histograms once a second."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

from pytest_roo_load.core.histogram import Histogram
from pytest_roo_load.core.recording import ErrorCount, PhaseRecording, Recording, Tally, Values
from pytest_roo_load.core.timeline import OperationSecond, Second

__all__ = ["MAX_NAMES", "OTHER", "PhaseRecorder", "RecorderSlot"]

MAX_NAMES = 200
OTHER = "(other)"


class RecorderSlot:
    """See `core.ports.Slot`.

    Attributes:
        late_ok: Latencies, from the intended start, of operations that began late.
        late_service: The same operations' latencies from their actual start.
        blamed: Gives the slot for what fails from now on, once something was broken while it was in flight.
    """

    __slots__ = ("blamed", "errors", "failed", "late_ok", "late_service", "ok", "started")

    def __init__(self) -> None:
        self.started = 0
        self.ok: list[float] = []
        self.late_ok: list[float] = []
        self.late_service: list[float] = []
        self.failed: list[float] = []
        self.errors: dict[str, ErrorCount] = {}
        self.blamed: Callable[[], RecorderSlot] | None = None

    def fail(self, latency_s: float, kind: str, exemplar: str) -> None:
        """See `core.ports.Slot`."""
        if self.blamed is not None:
            self.started -= 1
            blamed = self.blamed()
            blamed.started += 1
            blamed.fail(latency_s, kind, exemplar)
            return
        self.failed.append(latency_s)
        error = self.errors.get(kind)
        if error is None:
            error = self.errors[kind] = ErrorCount(exemplar=exemplar)
        error.count += 1

    def in_flight(self, folded: Tally | None) -> int:
        """Operations that have begun and not ended; `folded` is what has been folded out of the slot."""
        ended = len(self.ok) + len(self.late_ok) + len(self.failed)
        return self.started - ended - (folded.ok.count + folded.failed.count if folded else 0)


class _Slots(dict[str, RecorderSlot]):
    """Slots by name, made when they are asked for first; beyond 200 names the rest is "(other)"."""

    def __missing__(self, name: str) -> RecorderSlot:
        kept = name if len(self) < MAX_NAMES else OTHER
        return self.setdefault(kept, RecorderSlot())


class _Phase:
    """The slots of one phase and what has been folded out of them."""

    __slots__ = ("flying", "groups", "operations", "recording")

    def __init__(self, recording: PhaseRecording) -> None:
        self.recording = recording
        self.flying = 0
        self.operations = _Slots()
        self.groups = _Slots()

    def blame(self, phase: _Phase) -> None:
        """What is in flight and will fail counts for a later phase, unless it does so for another one already."""
        for slots, later in ((self.operations, phase.operations), (self.groups, phase.groups)):
            for name, slot in slots.items():
                slot.blamed = slot.blamed or partial(later.__getitem__, name)

    def look(self, passed_s: float) -> None:
        """Count what is in flight, so long after the last look."""
        folded = self.recording.operations
        now = sum(slot.in_flight(folded.get(name)) for name, slot in self.operations.items())
        self.recording.flying.look(self.flying, now, passed_s)
        self.flying = now


class PhaseRecorder:
    """Records operations by the phase in which they started; throughput alone looks at the phase in which they ended.

    A slot belongs to a phase for good: an operation that ends after its phase still counts for it. But what fails
    counts for the first phase in which something was broken while it was in flight, if there is one. Memory is one
    histogram per (name, outcome, phase) and the samples of the current second.

    Attributes:
        phase: The current phase.
        slot: Gives the slot of an operation in the current phase, by name.
        group_slot: The same for a group.
        current: What it records: an iteration counts for the phase in which it began.
        recording: What all phases recorded.
        breathless: A moment of `perf_counter` by which the event loop must have had a turn; others than the user that
            runs now are kept waiting when it has passed.
    """

    def __init__(self, phase: str) -> None:
        self.recording = Recording()
        self.breathless = math.inf
        self._phases: dict[str, _Phase] = {}
        self._finished: dict[str, Counter[str]] = {"operations": Counter(), "groups": Counter()}
        self._members: dict[int, int] = {}
        self._active = 0
        self._dropped = 0
        self._least: int | None = None
        self.switch(phase)
        self.current.users = None

    def __repr__(self) -> str:
        return (
            f"<PhaseRecorder in {self.phase}, {self._active} users active, {len(self._current.operations)} operations>"
        )

    def switch(self, phase: str, *, broken: bool = False) -> None:
        """From now on what starts belongs to another phase, and with `broken` also what is in flight and fails."""
        if self._phases:
            self._credit("operations")
            self._credit("groups")
        self.phase = phase
        if phase not in self._phases:
            self._phases[phase] = _Phase(self.recording.phase(phase))
            self.recording.phase(phase).turns.update(self._members)
        self._current = self._phases[phase]
        if broken:
            for earlier in self._phases.values():
                if earlier is not self._current:
                    earlier.blame(self._current)
        self.slot = self._current.operations.__getitem__
        self.group_slot = self._current.groups.__getitem__
        self.current = self._current.recording
        self.current.users = self._active

    def _credit(self, kind: Literal["operations", "groups"]) -> None:
        """What has succeeded since the last switch is the throughput of the phase that ends now."""
        finished: Counter[str] = Counter()
        for phase in self._phases.values():
            folded: Mapping[str, Tally] = getattr(phase.recording, kind)
            for name, slot in getattr(phase, kind).items():
                before = folded[name].ok.count if name in folded else 0
                finished[name] += before + len(slot.ok) + len(slot.late_ok)
        tallies: dict[str, Tally] = getattr(self.current, kind)
        for name, count in finished.items():
            grown = count - self._finished[kind][name]
            if grown or name in getattr(self._current, kind):
                tally = tallies.setdefault(name, Tally())
                tally.finished = (tally.finished or 0) + grown
        self._finished[kind] = finished

    def check(self, name: str, held: bool) -> None:  # noqa: FBT001 - the outcome is what is recorded
        """Count the outcome of a check."""
        counts = self.current.checks.get(name)
        if counts is None:
            counts = self.current.checks[name] = [0, 0]
        counts[not held] += 1

    def value(self, name: str, value: Any) -> None:
        """Keep a value for the test."""
        self.recording.values.setdefault(name, Values()).add(value)

    def enter(self, users: int = 1) -> None:
        """Users have entered their journeys. The least number of users is looked at from the first ones on."""
        self._active += users
        if self._least is None:
            self._least = self._active
        if self.current.users is None:
            self.current.users = self._active

    def join(self, users: Iterable[int]) -> None:
        """Users, by number, take part from now on: the iterations of each are counted by themselves."""
        for user in users:
            self._members[user] = 0
            self.current.turns.setdefault(user, 0)  # it may have gone in this very phase and come again

    def part(self, user: int) -> None:
        """A user takes no part in the phases that follow."""
        self._members.pop(user, None)

    def retire(self) -> None:
        """A user has nothing more to do: that there are fewer from now on is the plan's doing."""
        self._active -= 1

    def leave(self) -> None:
        """A user is out of its journey although the load goes on."""
        self._active -= 1
        self._least = self._active if self._least is None else min(self._least, self._active)
        least = self.current.users
        self.current.users = self._active if least is None else min(least, self._active)

    def arrived(self, *, behind: bool = False) -> None:
        """An arrival was due; it begins now, which is `behind` the schedule when that was long ago."""
        self.current.arrivals += 1
        self.current.behind += behind

    def dropped(self, arrivals: int) -> None:
        """Arrivals found no free user."""
        self.current.dropped += arrivals
        self._dropped += arrivals

    def missed(self, arrivals: int) -> None:
        """Arrivals were due that the generator was too far behind to begin."""
        self.current.arrivals += arrivals
        self.current.behind += arrivals
        self.current.missed += arrivals

    def look(self, passed_s: float) -> None:
        """Count what is in flight, so long after the last look; of past phases, as long as something of them is."""
        for phase in self._phases.values():
            if phase is self._current or phase.flying:
                phase.look(passed_s)

    def collect(self, t: int, phase: str) -> Second:
        """Fold what ended since the last call; the answer is second `t` of the load."""
        second = Second(t=t, phase=phase, users=self._least or 0, dropped=self._dropped)
        self._least, self._dropped = self._active, 0
        ended: list[_Ended] = []
        for current in self._phases.values():
            ended += _drain(current.operations, current.recording.operations, second.operations)
            ended += _drain(current.groups, current.recording.groups, None)
        for one, ok in zip(ended, Histogram.of_each([one.ok for one in ended]), strict=True):
            one.fold(ok)
        return second


class _Ended(NamedTuple):
    """What ended in one slot since it was looked at last.

    Attributes:
        tally: What is known of the operation in the slot's phase.
        second: Operations of the second, by name; None for a group, which is not among them.
        ok: Latencies of those that succeeded.
        service: Their service times; None where they are the same.
        failed: Latencies of those that failed.
    """

    name: str
    tally: Tally
    second: dict[str, OperationSecond] | None
    ok: list[float]
    service: list[float] | None
    failed: list[float]

    def fold(self, ok: Histogram) -> None:
        """Add it to the tally and to the second."""
        self.tally.add(ok, self.service)
        if self.failed:
            self.tally.failed.add(self.failed)
        if self.second is None:
            return
        part = OperationSecond(ok=ok, failed=len(self.failed))
        if self.name in self.second:
            self.second[self.name].merge(part)
        else:
            self.second[self.name] = part


def _drain(
    slots: Mapping[str, RecorderSlot], tallies: dict[str, Tally], second: dict[str, OperationSecond] | None
) -> Iterator[_Ended]:
    """Take the samples out of slots."""
    for name, slot in slots.items():
        tally = tallies.setdefault(name, Tally())
        tally.started, tally.errors = slot.started, slot.errors
        ok, late_ok, late_service, failed = slot.ok, slot.late_ok, slot.late_service, slot.failed
        if ok or late_ok or failed:
            slot.ok, slot.late_ok, slot.late_service, slot.failed = [], [], [], []
            differ = late_ok or tally.service is not None
            yield _Ended(name, tally, second, ok + late_ok, ok + late_service if differ else None, failed)
