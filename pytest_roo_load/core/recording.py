"""What one generator recorded, and how the recordings of several become one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_roo_load.core.histogram import Histogram
from pytest_roo_load.core.little import Flying
from pytest_roo_load.core.profiles import is_steady

__all__ = ["ErrorCount", "PhaseRecording", "Recording", "Tally", "Values", "arrival_shares"]

MAX_VALUES = 100_000


@dataclass(slots=True, kw_only=True)
class ErrorCount:
    """How often a kind of error happened, and the text of one of them."""

    count: int = 0
    exemplar: str = ""

    def merge(self, other: ErrorCount) -> None:
        """Add another count of the same kind; the exemplar that is here stays."""
        self.count += other.count
        self.exemplar = self.exemplar or other.exemplar


@dataclass(slots=True, kw_only=True)
class Tally:
    """All there is to know of one operation (or group) in one phase.

    Attributes:
        ok: Latencies of successful operations, from the intended start.
        service: The same from the actual start; None where the two never differed.
        failed: Latencies of failed ones, from start to failure.
        started: How many were begun, so that `started - ok.count - failed.count` were interrupted.
        errors: Failures by kind.
        finished: Operations that succeeded while the phase lasted, whenever they were begun; None where nobody counted.
    """

    ok: Histogram = field(default_factory=Histogram)
    service: Histogram | None = None
    failed: Histogram = field(default_factory=Histogram)
    started: int = 0
    errors: dict[str, ErrorCount] = field(default_factory=dict)
    finished: int | None = None

    @property
    def throughput_count(self) -> int:
        """What throughput counts: `finished`, or the successful ones where nobody counted those."""
        return self.ok.count if self.finished is None else self.finished

    @property
    def any(self) -> bool:
        """Whether anything was begun, or has ended."""
        return bool(self.started or self.ok.count or self.failed.count)

    @property
    def interrupted(self) -> int:
        """Operations that were begun and had no outcome when the load's graceful stop was over."""
        return self.started - self.ok.count - self.failed.count

    def add(self, ok: Histogram, service_s: Sequence[float] | None) -> None:
        """Add latencies; `service_s` has the same operations' service times, or None where they are the same."""
        if service_s is not None:
            self._service().add(service_s)
        elif self.service is not None:
            self.service.merge(ok)
        self.ok.merge(ok)

    def _service(self) -> Histogram:
        """Service times so far; they were the latencies as long as the two did not differ."""
        if self.service is None:
            self.service = Histogram()
            self.service.merge(self.ok)
        return self.service

    def merge(self, other: Tally) -> None:
        """Add another tally's counts to this one."""
        if self.service is not None or other.service is not None:
            self._service().merge(other.service or other.ok)
        if self.finished is not None or other.finished is not None:
            self.finished = self.throughput_count + other.throughput_count
        self.ok.merge(other.ok)
        self.failed.merge(other.failed)
        self.started += other.started
        for kind, error in other.errors.items():
            self.errors.setdefault(kind, ErrorCount()).merge(error)


@dataclass(slots=True, kw_only=True)
class PhaseRecording:
    """One phase: tallies by name, checks, and what users did.

    Attributes:
        users: Least number of users inside a journey at any moment; None when never looked.
        iterations: Iterations that were finished, of those begun in the phase.
        arrivals: Arrivals of an open profile that were due.
        dropped: Those of them that found no free user.
        behind: Those of them that the generator began more than 250 ms late, or not at all.
        missed: Those of them that it did not begin at all.
        turns: Iterations by user, for the users of a closed profile that took part in the phase.
        flying: How many of the phase's operations were in flight, looked at again and again.
    """

    operations: dict[str, Tally] = field(default_factory=dict)
    groups: dict[str, Tally] = field(default_factory=dict)
    checks: dict[str, list[int]] = field(default_factory=dict)
    users: int | None = None
    iterations: int = 0
    arrivals: int = 0
    dropped: int = 0
    behind: int = 0
    missed: int = 0
    turns: dict[int, int] = field(default_factory=dict)
    flying: Flying = field(default_factory=Flying)

    def finish(self, user: int, iterations: int = 1) -> None:
        """A user has finished iterations."""
        self.iterations += iterations
        if user in self.turns:
            self.turns[user] += iterations

    def merge(self, other: PhaseRecording) -> None:
        """Add another generator's share of the same phase.

        The least number of users of several generators is the sum of what each had at least: it never overstates.
        """
        _merge_tallies(self.operations, other.operations)
        _merge_tallies(self.groups, other.groups)
        for name, (passed, failed) in other.checks.items():
            mine = self.checks.setdefault(name, [0, 0])
            mine[0] += passed
            mine[1] += failed
        self.users = other.users if self.users is None else self.users + (other.users or 0)
        self.iterations += other.iterations
        self.arrivals += other.arrivals
        self.dropped += other.dropped
        self.behind += other.behind
        self.missed += other.missed
        self.flying.merge(other.flying)
        for user, turns in other.turns.items():
            self.turns[user] = self.turns.get(user, 0) + turns


def _merge_tallies(mine: dict[str, Tally], others: Mapping[str, Tally]) -> None:
    for name, tally in others.items():
        mine.setdefault(name, Tally()).merge(tally)


@dataclass(slots=True, kw_only=True)
class Values:
    """What journeys sent back under one name: the first 100,000 values, and how many came after them."""

    items: list[Any] = field(default_factory=list)
    omitted: int = 0

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def add(self, value: object) -> None:
        """Keep one more value, or count it when there are too many."""
        if len(self.items) < MAX_VALUES:
            self.items.append(value)
        else:
            self.omitted += 1


@dataclass(slots=True, kw_only=True)
class Recording:
    """Everything one generator recorded, phase by phase; merging several gives what a single one would have."""

    phases: dict[str, PhaseRecording] = field(default_factory=dict)
    values: dict[str, Values] = field(default_factory=dict)
    steady_end_s: float | None = None

    def phase(self, name: str) -> PhaseRecording:
        """The phase's recording, made when it is asked for first."""
        return self.phases.setdefault(name, PhaseRecording())

    def hide(self, secrets: Sequence[str]) -> None:
        """Put *** in the place of secrets in the texts of errors: what a server or a traceback repeats is not shown."""
        if not secrets:
            return
        wanted = re.compile("|".join(sorted(map(re.escape, secrets), key=len, reverse=True)))
        for phase in self.phases.values():
            for tally in (*phase.operations.values(), *phase.groups.values()):
                for error in tally.errors.values():
                    error.exemplar = wanted.sub("***", error.exemplar)

    def merge(self, other: Recording) -> None:
        """Add another generator's recording to this one."""
        for name, phase in other.phases.items():
            self.phase(name).merge(phase)
        for name, values in other.values.items():
            mine = self.values.setdefault(name, Values())
            mine.omitted += values.omitted
            for value in values.items:
                mine.add(value)
        ends = [end for end in (self.steady_end_s, other.steady_end_s) if end is not None]
        self.steady_end_s = max(ends, default=None)


def arrival_shares(recording: Recording) -> tuple[float | None, float | None]:
    """Which shares of the steady phases' arrivals were begun late and dropped; None where there were no arrivals."""
    steady = [phase for name, phase in recording.phases.items() if is_steady(name)]
    arrivals = sum(phase.arrivals for phase in steady)
    if not arrivals:
        return None, None
    return sum(phase.behind for phase in steady) / arrivals, sum(phase.dropped for phase in steady) / arrivals
