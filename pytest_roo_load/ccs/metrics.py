"""Counters and histograms, and their Prometheus text form. No input or output."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SERVER_ERROR = 500


@dataclass(slots=True)
class Histogram:
    """Durations in seconds: one count per bucket of BUCKETS_S and one beyond, and their sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    total_s: float = 0.0

    @property
    def count(self) -> int:
        """How many durations there were."""
        return sum(self.counts)

    def observe(self, duration_s: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BUCKETS_S, duration_s)] += 1
        self.total_s += duration_s

    def percentile(self, q: float) -> float | None:
        """Return the duration below which ``q`` percent were, interpolated inside its bucket; None without data.

        What lies beyond the last bucket counts as its bound.
        """
        wanted = self.count * q / 100
        if not wanted:
            return None
        below, low = 0, 0.0
        for count, high in zip(self.counts, BUCKETS_S, strict=False):
            if below + count >= wanted:
                return low + (high - low) * (wanted - below) / count
            below, low = below + count, high
        return BUCKETS_S[-1]


class Metrics:
    """What this instance has served since it started."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.durations: dict[tuple[str, str], Histogram] = {}
        self.frames: Counter[str] = Counter()
        self.commands: Counter[str] = Counter()
        self.shed: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<Metrics {self.requests.total()} requests>"

    def request(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count one HTTP request that was answered."""
        self.requests[method, route, status] += 1
        histogram = self.durations.get((method, route))
        if histogram is None:
            histogram = self.durations[method, route] = Histogram()
        histogram.observe(duration_s)

    def frame(self, outcome: str) -> None:
        """Count one WebSocket frame from a client: delivered, failed, handled or refused."""
        self.frames[outcome] += 1

    def errors(self) -> int:
        """Return how many requests were answered 5xx."""
        return sum(count for (_, _, status), count in self.requests.items() if status >= _SERVER_ERROR)

    def all_durations(self) -> Histogram:
        """Return the durations of all routes together."""
        together = Histogram()
        for histogram in self.durations.values():
            together.counts = [a + b for a, b in zip(together.counts, histogram.counts, strict=True)]
            together.total_s += histogram.total_s
        return together

    def exposition(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """Return everything as Prometheus text; ``gauges`` maps further names to help and value."""
        lines = ["# HELP ccs_http_requests_total HTTP requests answered.", "# TYPE ccs_http_requests_total counter"]
        for (method, route, status), count in sorted(self.requests.items()):
            labels = _labels(method=method, route=route, status=str(status))
            lines.append(f"ccs_http_requests_total{labels} {count}")
        name = "ccs_http_request_duration_seconds"
        lines += [f"# HELP {name} Time from request to answer.", f"# TYPE {name} histogram"]
        for (method, route), histogram in sorted(self.durations.items()):
            lines += _histogram(name, {"method": method, "route": route}, histogram)
        lines += _counter("ccs_websocket_frames_total", "WebSocket frames from clients.", "outcome", self.frames)
        lines += _counter("ccs_commands_total", "Commands by what this instance made of them.", "state", self.commands)
        lines += _counter("ccs_requests_shed_total", "Requests refused for want of capacity.", "reason", self.shed)
        for gauge, (text, value) in gauges.items():
            kind = "counter" if gauge.endswith("_total") else "gauge"
            lines += [f"# HELP {gauge} {text}", f"# TYPE {gauge} {kind}", f"{gauge} {value:g}"]
        return "\n".join(lines) + "\n"


def _counter(name: str, text: str, label: str, counts: Mapping[str, int]) -> Iterable[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} counter"
    for value, count in sorted(counts.items()):
        yield f"{name}{_labels(**{label: value})} {count}"


def _histogram(name: str, labels: Mapping[str, str], histogram: Histogram) -> Iterable[str]:
    below = 0
    for bound, count in zip((*BUCKETS_S, "+Inf"), histogram.counts, strict=True):
        below += count
        yield f"{name}_bucket{_labels(**labels, le=str(bound))} {below}"
    yield f"{name}_sum{_labels(**labels)} {histogram.total_s:.6f}"
    yield f"{name}_count{_labels(**labels)} {below}"


def _labels(**labels: str) -> str:
    pairs = (f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
