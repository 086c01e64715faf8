"""How each number of the report was obtained, and where its samples are."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PROVENANCE", "Provenance"]

_RESULT = "results/*.json"
_LIVE = "live/*.ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """One figure, what it is, and the place in the run directory that holds its samples."""

    figure: str
    method: str
    file: str
    key: str


def _entry(figure: str, method: str, file: str, key: str) -> Provenance:
    return Provenance(figure=figure, method=method, file=file, key=key)


PROVENANCE = (
    _entry(
        "users",
        "The least number of virtual users that were inside a journey at any moment of the phase. With several "
        "generators, the sum of what each had at least, which never overstates.",
        _RESULT,
        "runs[].phases[].users; per second: runs[].timeline.users",
    ),
    _entry(
        "throughput",
        "Successful operations that ended in the phase, divided by the phase's length; per minute is that times 60. "
        "Groups are not operations.",
        _RESULT,
        "runs[].phases[].statistics.throughput; per second: runs[].timeline.throughput",
    ),
    _entry(
        "p50, p90, p95, p99, max",
        "Latency of successful operations in the steady phase, from the intended start to the complete answer, on a "
        "monotonic clock. A percentile is the nearest rank of a histogram whose buckets are never wider than 0.1 % of "
        "their value from 1 µs to 1 h; several generators are merged by adding buckets, never by averaging "
        "percentiles. Failed operations are kept apart.",
        _RESULT,
        "runs[].phases[].statistics.histogram, and the same for each operation",
    ),
    _entry(
        "95 % confidence",
        "For a percentile: order statistics at the binomial's quantiles (Hahn and Meeker, Statistical Intervals, 5.2), "
        "which hold for any distribution and take samples as independent. For the error rate: Wilson's score interval.",
        _RESULT,
        "runs[].objectives[].interval",
    ),
    _entry(
        "error rate",
        "Failed operations divided by all that ended, transport errors, timeouts and broken checks included. "
        "What was still in flight when the graceful stop was over is interrupted: it is counted, but not as an error.",
        _RESULT,
        "runs[].phases[].statistics.failed and .errors",
    ),
    _entry(
        "margin",
        "How far the measured value is inside the limit, as a share of the limit; negative outside.",
        _RESULT,
        "runs[].objectives[].margin",
    ),
    _entry(
        "memory",
        "The most resident bytes of a process tree at any look of the steady phase, one look a second. Pages that its "
        "processes share count once (proportional set size) where the kernel tells. 1 MB is 10⁶ bytes.",
        _LIVE,
        "resources.*.memory_bytes",
    ),
    _entry(
        "CPU",
        "CPU seconds that a process tree used in the steady phase, divided by the wall time and by the number of cores "
        "it may use. Second by second: between two looks, by the moments of the looks.",
        _LIVE,
        "resources.*.cpu_s, looked_s",
    ),
    _entry(
        "generator health",
        "Each generator's own view of the steady phases, or of all since the first one began if that is worse: how "
        "late its event loop woke up (20 looks a second), the share of time it waited for a core, the share of one "
        "core it used, the share of time it collected garbage, and the shares of an open profile's arrivals that it "
        "began late or that found no free user.",
        _RESULT,
        "runs[].generators",
    ),
    _entry(
        "seen in flight, and rate × latency",
        "Little's law as a cross-check of the latencies: how many operations were in flight on average, looked at "
        "about 20 times a second, and operations per second times their mean latency from the actual start.",
        _RESULT,
        "runs[].phases[].little",
    ),
    _entry(
        "capacity",
        "The highest rate of arrivals at which the objectives named with it were met. Both ends of the last gap had "
        "the same outcome in at least two steps. A step is a run of its own; its rate is too "
        "much when an upper limit of a latency or of the error rate was missed, or when over 1 % of the arrivals found "
        "no free user.",
        _RESULT,
        "capacities[].steps",
    ),
    _entry(
        "charts over time",
        "One point per second. Where there are more seconds than columns, the lowest and the highest of each column "
        "are drawn, also when the chart is zoomed into. Seconds without samples are gaps. Shaded is what objectives do "
        "not look at: phases other than the steady one, and the graceful stop after the last. What was looked at as a "
        "second ended stands at its end, everything else at its middle.",
        _LIVE,
        "one line per second",
    ),
    _entry(
        "every latency over time",
        "The successful operations that ended in each second, by latency on a logarithmic grid of 20 steps per decade, "
        "added up to at most 120 columns and 40 rows. The colour is the number of operations in the cell, on a "
        "logarithmic scale of the fullest.",
        _LIVE,
        "operations.*.ok",
    ),
    _entry(
        "slowest operations",
        "The 15 slowest successful operations that ended in the steady phase. The slowest of an operation in a second "
        "is exact; those behind it are exact to 0.1 %. Failed operations have no place here: they are counted by kind.",
        _LIVE,
        "operations.*.ok",
    ),
    _entry(
        "iterations per user",
        "The iterations that each user of a closed profile finished, of those begun in the phase; percentiles by "
        "nearest rank. Gini's coefficient is 0 when all users did alike and nearly 1 when one of them did everything.",
        _RESULT,
        "runs[].phases[].fairness",
    ),
    _entry(
        "distribution",
        "The stored histogram of the steady phase, its buckets added up into 60 bars of equal ratio.",
        _RESULT,
        "runs[].phases[].statistics.histogram",
    ),
    _entry(
        "time to be ready",
        "From the start of a service's process until it answered its readiness check.",
        "run.json",
        "services.*.ready_s",
    ),
)
