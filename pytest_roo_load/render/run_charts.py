"""The charts of one run over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pytest_roo_load.core.profiles import is_steady
from pytest_roo_load.core.target import EMBEDDED, OWN
from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.render import claims
from pytest_roo_load.render.axes import Axis, elapsed_axis, suited_axis
from pytest_roo_load.render.charts import Chart, Limit, LineChart, Series
from pytest_roo_load.render.distribution import distribution_chart
from pytest_roo_load.render.heat_map import heat_map
from pytest_roo_load.render.phases import bands
from pytest_roo_load.render.reading import JSON, last_second, nested, steady
from pytest_roo_load.render.seconds import Seconds

__all__ = ["run_charts"]

_PROCESS_STYLES = ("ccs", "postgres", "redis", "generator")  # the target's whatever its name
_NEAR = 2.0  # a limit is drawn up to so many times the highest value
_LIMIT_METRICS = {"users": "users", "throughput": "throughput", "memory": "memory_peak", "cpu": "cpu_mean"}

Points = tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plot:
    """What the charts over time have in common: title, heading and dimension, the lines, and the run they belong to."""

    run: JSON
    title: str
    claim: str
    dimension: Dimension
    lines: tuple[tuple[str, Points, int], ...]
    limits: tuple[Limit, ...]


def run_charts(run: JSON, seconds: Seconds, *, columns: int) -> tuple[Chart, ...]:
    """Every chart for which the run has data; lines are drawn in at most so many columns."""
    plots = (
        *(_latency(run), _throughput(run), _users(run), _resource(run, "cpu"), _resource(run, "memory")),
        *(_gauge(run, gauge) for gauge in run.get("gauges") or ()),
    )
    histogram = nested(steady(run), "statistics", "histogram")
    charts: list[Chart | None] = [_chart(plot, columns) for plot in plots]
    charts.insert(1, heat_map(run, seconds, columns=columns))
    charts.insert(3, distribution_chart(histogram) if histogram else None)
    return tuple(chart for chart in charts if chart is not None)


def _throughput(run: JSON) -> _Plot:
    dropped = ("arrivals dropped", _line(run, "dropped"), 2)
    lines = (
        ("succeeded", _line(run, "throughput"), 0),
        ("failed", _line(run, "failed"), 1),
        *((dropped,) if any(_present([dropped])) else ()),
    )
    return _Plot(
        run=run,
        title="Operations per second",
        claim=claims.throughput(run),
        dimension=Dimension.RATE,
        lines=lines,
        limits=_limits(run, _of_metric("throughput")),
    )


def _latency(run: JSON) -> _Plot:
    return _Plot(
        run=run,
        title="Latency of successful operations",
        claim=claims.latency(run),
        dimension=Dimension.TIME,
        lines=tuple((name, _line(run, name), style) for style, name in enumerate(("p50", "p95", "p99"))),
        limits=_limits(run, _is_of_latency),
    )


def _users(run: JSON) -> _Plot:
    return _Plot(
        run=run,
        title="Virtual users",
        claim=claims.users(run),
        dimension=Dimension.COUNT,
        lines=(("users", _steps(_line(run, "users")), 0),),
        limits=_limits(run, _of_metric("users")),
    )


def _resource(run: JSON, kind: str) -> _Plot:
    dimension = Dimension.RATIO if kind == "cpu" else Dimension.SIZE
    processes = nested(run, "timeline", "resources") or {}
    order = sorted(processes, key=lambda name: (name not in _PROCESS_STYLES, name))
    lines = tuple((name, _look(run, processes[name].get(kind)), _style(name, order)) for name in order)
    title = "CPU, share of the cores each may use" if kind == "cpu" else "Resident memory"
    limits = _limits(run, _of_metric(_LIMIT_METRICS[kind]))
    claim = claims.cpu(run) if kind == "cpu" else claims.memory(run)
    return _Plot(run=run, title=title, claim=claim, dimension=dimension, lines=lines, limits=limits)


def _gauge(run: JSON, gauge: JSON) -> _Plot:
    points = tuple((float(at_s), float(value)) for at_s, value in gauge["points"])
    dimension = Dimension(gauge["dimension"])
    peak = format_quantity(max((value for _, value in points), default=None), dimension)
    return _Plot(
        run=run,
        title=gauge["name"].capitalize(),
        claim=f"{peak} at most",
        dimension=dimension,
        lines=((gauge["name"], points, 0),),
        limits=(),
    )


def _style(name: str, order: Sequence[str]) -> int:
    """A process has the same colour in every chart of every run."""
    name = EMBEDDED if name == OWN else name
    return _PROCESS_STYLES.index(name) if name in _PROCESS_STYLES else order.index(name) % 6


def _is_of_latency(objective: JSON) -> bool:
    timed = objective["dimension"] == Dimension.TIME.value and objective["metric"] != "recovery_time"
    return timed and objective["of"] is None


def _of_metric(name: str) -> Callable[[JSON], bool]:
    return lambda objective: bool(objective["metric"] == name)


def _limits(run: JSON, chosen: Callable[[JSON], bool]) -> tuple[Limit, ...]:
    steady_ones = (objective for objective in run.get("objectives") or () if is_steady(objective["phase"]))
    return tuple(
        Limit(value=objective["limit"], label=objective["text"])
        for objective in steady_ones
        if chosen(objective) and objective["limit"] is not None
    )


def _with_gaps(seconds: Sequence[float], values: Sequence[float | None], offset: float) -> Points:
    """A point for each second, and an empty one where seconds are missing altogether."""
    points: list[tuple[float, float | None]] = []
    for second, value in zip(seconds, values, strict=False):
        if points and second + offset - points[-1][0] > 1:
            points.append((points[-1][0] + 1, None))
        points.append((second + offset, value))
    return tuple(points)


def _line(run: JSON, name: str) -> Points:
    """What happened during each second, at its middle."""
    timeline = run.get("timeline") or {}
    return _with_gaps(timeline.get("t") or (), timeline.get(name) or (), 0.5)


def _look(run: JSON, values: Sequence[float | None] | None) -> Points:
    """What was looked at as each second ended."""
    return _with_gaps(nested(run, "timeline", "t") or (), values or (), 1.0)


def _steps(points: Points) -> Points:
    """Values that held for the whole of their second, so that the line goes up in steps."""
    return tuple(corner for middle, value in points for corner in ((middle - 0.5, value), (middle + 0.5, value)))


def _present(lines: Iterable[tuple[str, Points, int]]) -> list[float]:
    return [value for _, points, _ in lines for _, value in points if value is not None]


def _chart(plot: _Plot, columns: int) -> LineChart | None:
    values = _present(plot.lines)
    if not values:
        return None
    limits = tuple(limit for limit in plot.limits if limit.value <= _NEAR * max(values))
    series = tuple(_series(line, plot.dimension) for line in plot.lines if _present([line]))
    axis = suited_axis([*values, *(limit.value for limit in limits)], plot.dimension)
    return LineChart(
        title=plot.title,
        claim=plot.claim,
        description=_description(plot, series),
        x=elapsed_axis(last_second(plot.run)),
        y=axis,
        series=series,
        bands=bands(plot.run),
        limits=limits,
        note=_note(axis, [limit for limit in plot.limits if limit not in limits]),
        dimension=plot.dimension,
        columns=columns,
    )


def _series(line: tuple[str, Points, int], dimension: Dimension) -> Series:
    name, points, style = line
    return Series(name=name, points=points, span=_span(_present([line]), dimension), style=style)


def _span(values: Sequence[float], dimension: Dimension) -> str:
    low, high = (format_quantity(value, dimension) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _description(plot: _Plot, series: Sequence[Series]) -> str:
    lines = "; ".join(f"{one.name} {one.span}" for one in series)
    phases = ", ".join(
        f"{name} from {start:g} s to {end:g} s" for name, (start, end) in (plot.run.get("spans") or {}).items()
    )
    return f"{lines}. Phases: {phases or 'not recorded'}."


def _note(axis: Axis, left_out: Sequence[Limit]) -> str:
    sentences = [axis.note, *(f"Limit off the chart: {limit.label}." for limit in left_out)]
    return " ".join(sentence for sentence in sentences if sentence)
