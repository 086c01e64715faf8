"""Figures of one operation, of one group, of one phase."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_roo_load.core.fairness import fairness
from pytest_roo_load.core.histogram import Histogram
from pytest_roo_load.core.little import little
from pytest_roo_load.core.recording import ErrorCount, PhaseRecording, Tally
from pytest_roo_load.errors import UsageError

__all__ = ["PhaseResult", "Statistics"]

Spans = tuple[tuple[float, float], ...]


class Statistics:
    """Figures of one operation, one group or all operations together, over one phase.

    Percentiles, `mean`, `minimum` and `maximum` are seconds over successful operations, from the intended start; None
    where nothing succeeded. `throughput` is operations that succeeded while the phase
    lasted, per second: everything else is of those that were begun in it. `error_rate` is failed / (successful +
    failed), None where nothing ended. `duration` is in seconds.
    """

    def __init__(self, tally: Tally, duration_s: float) -> None:
        self._tally = tally
        self.duration = duration_s

    def __repr__(self) -> str:
        return f"<{type(self).__name__} count={self.count} failed={self.failed} p95={self.p95}>"

    @property
    def histogram(self) -> Histogram:
        """Latencies of the successful operations."""
        return self._tally.ok

    @property
    def service_time(self) -> Histogram:
        """Latencies from the actual start. In closed profiles it is the intended start too."""
        return self._tally.service or self._tally.ok

    @property
    def failed_histogram(self) -> Histogram:
        """Latencies of the failed operations, from start to failure."""
        return self._tally.failed

    @property
    def count(self) -> int:
        """Operations that ended, successful or not."""
        return self.succeeded + self.failed

    @property
    def succeeded(self) -> int:
        """Operations that ended well."""
        return self._tally.ok.count

    @property
    def failed(self) -> int:
        """Operations that ended in an error, a timeout included."""
        return self._tally.failed.count

    @property
    def interrupted(self) -> int:
        """Operations still in flight when the graceful stop was over; neither successful nor failed."""
        return self._tally.interrupted

    @property
    def throughput(self) -> float:
        """Operations per second that succeeded while the phase lasted."""
        return self._tally.throughput_count / self.duration if self.duration else 0.0

    @property
    def error_rate(self) -> float | None:
        """Share of failed operations, 0 to 1."""
        return self.failed / self.count if self.count else None

    @property
    def errors(self) -> Mapping[str, ErrorCount]:
        """Kind of error → how often, and the text of the first."""
        return self._tally.errors

    @property
    def mean(self) -> float | None:
        """Arithmetic mean in seconds."""
        return self._tally.ok.mean

    @property
    def minimum(self) -> float | None:
        """The shortest, in seconds."""
        return self._tally.ok.minimum if self.succeeded else None

    @property
    def maximum(self) -> float | None:
        """The longest, in seconds."""
        return self._tally.ok.maximum if self.succeeded else None

    def percentile(self, q: float) -> float | None:
        """The q-th percentile in seconds, 0 < q <= 100."""
        if not 0 < q <= 100:  # noqa: PLR2004 - percent
            raise UsageError("no such percentile", value=q, allowed="more than 0, up to 100")
        return self._tally.ok.percentile(q)

    @property
    def p50(self) -> float | None:
        """The median in seconds."""
        return self.percentile(50)

    @property
    def p90(self) -> float | None:
        """The 90th percentile in seconds."""
        return self.percentile(90)

    @property
    def p95(self) -> float | None:
        """The 95th percentile in seconds."""
        return self.percentile(95)

    @property
    def p99(self) -> float | None:
        """The 99th percentile in seconds."""
        return self.percentile(99)


class PhaseResult(Statistics):
    """All operations of one phase together, and each by itself.

    Attributes:
        name: The phase's name.
        start: Seconds from the start of the load to its beginning.
        spans: Begin and end, in seconds of the load; several where several phases are looked at together.
        arrivals: Arrivals that were due; 0 in closed profiles.
        dropped: Arrivals that found no free user.
        missed: Arrivals that the generators were too far behind to begin.
        little: Whether what was seen in flight is what the latencies add up to; None where nothing ended.
        users: Least number of users inside a journey at any moment of the phase.
        operations: Figures by operation name.
        groups: Figures by group name; groups never count in the phase's own figures.
        checks: Name → (held, did not hold).
        iterations: Iterations that were finished.
        fairness: How evenly they are spread over the users; None in open profiles, and of several phases together
            where not all have the same users.
    """

    def __init__(
        self, name: str, start_s: float, duration_s: float, recording: PhaseRecording, spans: Spans | None = None
    ) -> None:
        everything = Tally()
        for tally in recording.operations.values():
            everything.merge(tally)
        super().__init__(everything, duration_s)
        self.name = name
        self.start = start_s
        self.spans = spans or ((start_s, start_s + duration_s),)
        self.arrivals = recording.arrivals
        self.dropped = recording.dropped
        self.missed = recording.missed
        residence_s = self.service_time.total + self.failed_histogram.total - recording.flying.late_failed_s
        self.little = little(recording.flying, residence_s, self.count, duration_s)
        self.users = recording.users or 0
        self.operations = _each(recording.operations, duration_s)
        self.groups = _each(recording.groups, duration_s)
        self.checks = {key: (held, broken) for key, (held, broken) in sorted(recording.checks.items())}
        self.iterations = recording.iterations
        self.fairness = fairness(recording.turns.values())


def _each(tallies: Mapping[str, Tally], duration_s: float) -> dict[str, Statistics]:
    """By name; without those of which the phase has nothing but the end."""
    return {name: Statistics(tally, duration_s) for name, tally in sorted(tallies.items()) if tally.any}
