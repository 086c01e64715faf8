"""The text of a test that missed its objectives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_roo_load.core.consistency.finding import Finding
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.sla.judge import Judgement
from pytest_roo_load.core.statistics import Statistics
from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.report.schema import RunRecord, verdict_of

__all__ = ["explain", "failed"]

_WORST = 5
_EXEMPLAR_LINES = 12
_HEADS = ("objective", "measured", "95 % interval", "margin", "verdict")


def explain(records: Sequence[RunRecord], report: str, findings: Sequence[Finding] = ()) -> str:
    """Broken promises, every objective of every run, the worst operations, exemplars of errors, the report's place."""
    if not records and not findings:
        return "no data: the test ended without a run(), so its objectives have nothing to be judged by"
    broken = [f"{one.verdict.value.upper()}: {one}" for one in findings if one.verdict is not Verdict.PASS]
    parts = [line for record in records for line in _run(record)]
    return "\n".join([*broken, *parts, f"report: {report}"])


def _run(record: RunRecord) -> Iterable[str]:
    result = record.result
    run = f"run {record.number}, {record.profile}, by {record.fleet}"
    missed = [] if result is None else [_missed(one) for one in result.judgements if one.verdict is not Verdict.PASS]
    yield (
        f"{record.verdict.value.upper()}: {'; '.join(missed)} ({run})"
        if missed
        else f"{record.verdict.value.upper()}: {run}"
    )
    if result is None:
        yield record.problem
        return
    if result.ended_early:
        yield result.ended_early
    if not result.count:
        yield "no operation ended in the steady phase"
    elif not result.succeeded:
        yield "no operation of the steady phase succeeded"
    if result.judgements:
        yield from _table([_HEADS, *(_row(judgement) for judgement in result.judgements)])
    yield from _findings(result)
    for judgement in result.judgements:
        if judgement.reason:
            yield f"{judgement.objective.text}: {judgement.reason}"
    yield from result.warnings
    yield from _operations(result)
    yield from _errors(result)


def _findings(result: Result) -> Iterable[str]:
    """What was found of the consistency of data, where it is not as it must be."""
    for finding in result.findings:
        if finding.verdict is not Verdict.PASS:
            yield f"{finding.verdict.value}: {finding}"


def _missed(judgement: Judgement) -> str:
    objective = judgement.objective
    return (
        f"{objective.text}, was {objective.shown(judgement.measured)}"
        if judgement.measured is not None
        else objective.text
    )


def _row(judgement: Judgement) -> tuple[str, ...]:
    objective = judgement.objective
    return (
        objective.text,
        objective.shown(judgement.measured),
        _interval(judgement),
        "–" if judgement.margin is None else f"{judgement.margin:+.0%}",
        judgement.verdict.value,
    )


def _interval(judgement: Judgement) -> str:
    if judgement.interval is None:
        return "–"
    low, high = judgement.interval
    shown = judgement.objective.shown
    return f"{shown(low)} to {shown(high)}" if high is not None else f"from {shown(low)} ({judgement.samples} samples)"


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _operations(result: Result) -> Iterable[str]:
    """The operations with the most errors, then the slowest."""

    def badness(item: tuple[str, Statistics]) -> tuple[float, float]:
        return item[1].error_rate or 0.0, item[1].p95 or 0.0

    ranked = sorted(result.operations.items(), key=badness, reverse=True)[:_WORST]
    if ranked:
        yield f"worst of {len(result.operations)} operations:"
        heads = ("operation", "count", "errors", "p50", "p95", "max")
        yield from _table([heads, *(_operation(name, figures) for name, figures in ranked)])


def _operation(name: str, figures: Statistics) -> tuple[str, ...]:
    times = (format_quantity(value, Dimension.TIME) for value in (figures.p50, figures.p95, figures.maximum))
    return name, str(figures.count), format_quantity(figures.error_rate, Dimension.RATIO), *times


def _errors(result: Result) -> Iterable[str]:
    for kind, error in sorted(result.errors.items(), key=lambda item: -item[1].count)[:_WORST]:
        yield f"{error.count} x {kind}, for example:"
        yield from (f"    {line[:300]}" for line in _shortened(error.exemplar.splitlines()))


def _shortened(lines: list[str]) -> list[str]:
    """Few lines: the first of all, for where it began, and the last, for what it was."""
    left_out = len(lines) - _EXEMPLAR_LINES
    if left_out <= 0:
        return lines
    return [*lines[:3], f"... {left_out} more lines in the report", *lines[3 + left_out :]]


def failed(records: Sequence[RunRecord], findings: Sequence[Finding] = ()) -> bool:
    """Whether any run or finding has another verdict than pass, or there was none."""
    return verdict_of(records, findings) is not Verdict.PASS
