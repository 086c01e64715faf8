"""One objective as a value, and the metrics it may speak of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from pytest_roo_load.core.units import Dimension, format_quantity

__all__ = ["AT_THE_END", "METRICS", "Metric", "Objective", "Subject", "metric_named"]


class Subject(Enum):
    """What a metric is a property of."""

    OPERATION = "operation"  # `of` names an operation; without it, all operations together
    RUN = "run"  # takes no `of`
    PROCESS = "process"  # `of` names a process; without it, the target


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric that an objective may judge.

    Attributes:
        name: As users write it; a percentile is `p` and a number.
        dimension: Decides the units.
        subject: What `of` names.
        percentile: 0 to 100 for a percentile, else None.
        latency: Whether a generator in trouble makes it worthless.
    """

    name: str
    dimension: Dimension
    subject: Subject
    percentile: float | None = None
    latency: bool = False


METRICS = {
    metric.name: metric
    for metric in (
        Metric(name="mean", dimension=Dimension.TIME, subject=Subject.OPERATION, latency=True),
        Metric(name="maximum", dimension=Dimension.TIME, subject=Subject.OPERATION, latency=True),
        Metric(name="error_rate", dimension=Dimension.RATIO, subject=Subject.OPERATION),
        Metric(name="throughput", dimension=Dimension.RATE, subject=Subject.OPERATION),
        Metric(name="count", dimension=Dimension.COUNT, subject=Subject.OPERATION),
        Metric(name="interrupted", dimension=Dimension.COUNT, subject=Subject.OPERATION),
        Metric(name="users", dimension=Dimension.COUNT, subject=Subject.RUN),
        Metric(name="arrivals", dimension=Dimension.COUNT, subject=Subject.RUN),
        Metric(name="dropped", dimension=Dimension.COUNT, subject=Subject.RUN),
        Metric(name="consistency", dimension=Dimension.RATIO, subject=Subject.RUN),
        Metric(name="recovery_time", dimension=Dimension.TIME, subject=Subject.RUN),
        Metric(name="memory_peak", dimension=Dimension.SIZE, subject=Subject.PROCESS),
        Metric(name="cpu_mean", dimension=Dimension.RATIO, subject=Subject.PROCESS),
    )
}
# Known when the load has ended, not before.
AT_THE_END = frozenset({"interrupted", "arrivals", "dropped", "consistency", "recovery_time"})
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,4})?|100)")


def metric_named(name: str) -> Metric | None:
    """The metric of this name: one of `METRICS`, or a percentile such as p95 or p99.9; None when there is none."""
    match = _PERCENTILE.fullmatch(name)
    if match is None:
        return METRICS.get(name)
    q = float(match[1])
    if not q:
        return None
    return Metric(name=name, dimension=Dimension.TIME, subject=Subject.OPERATION, percentile=q, latency=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One line such as `p95 < 3 s`.

    Attributes:
        text: As it was written.
        metric: What is judged.
        operator: One of <, <=, >, >=, ==.
        limit: In the metric's base unit.
        of: An operation or process, or None.
        phase: The phase it looks at.
        over_s: It must hold in every window of this length; None looks at the phase as a whole.
        for_s: It is broken when it was violated for this long on end.
        source: Where it was written: file and line, marker or option.
        phase_named: Whether the text names the phase; where it does not, objectives look at the steady one.
    """

    text: str
    metric: Metric
    operator: str
    limit: float
    of: str | None
    phase: str
    over_s: float | None
    for_s: float | None
    source: str
    phase_named: bool = False

    def holds(self, measured: float) -> bool:
        """Whether a measured value meets the limit."""
        match self.operator:
            case "<":
                return measured < self.limit
            case "<=":
                return measured <= self.limit
            case ">":
                return measured > self.limit
            case ">=":
                return measured >= self.limit
            case _:
                return measured == self.limit

    @property
    def bounds_latency(self) -> bool:
        """Whether it is an upper limit of a latency, which what was never measured may break."""
        return self.metric.latency and self.operator.startswith("<")

    def margin(self, measured: float) -> float | None:
        """How far inside the limit the value is, as a share of the limit; negative outside, None for a limit of 0."""
        if not self.limit or self.operator == "==":
            return None
        distance = self.limit - measured if self.operator.startswith("<") else measured - self.limit
        return distance / abs(self.limit)

    def shown(self, value: float | None) -> str:
        """A value of this metric as a person reads it."""
        return format_quantity(value, self.metric.dimension)
