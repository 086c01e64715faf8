"""Results, recordings and histograms made from plain numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pytest_roo_load.core.faults.fault import FaultRecord
from pytest_roo_load.core.histogram import Histogram
from pytest_roo_load.core.recording import ErrorCount, PhaseRecording, Recording, Tally
from pytest_roo_load.core.result import ResourceUse, Result, result_of
from pytest_roo_load.core.timeline import OperationSecond, Second

LOGIN = "POST /auth/login"
SEND = "POST /conversations/:id/messages"


def histogram(latencies_s: Iterable[float] = ()) -> Histogram:
    result = Histogram()
    result.add(latencies_s)
    return result


def ticks(*microseconds: int) -> Histogram:
    return histogram(value / 1e6 for value in microseconds)


def tally(ok: Sequence[float] = (), failed: Sequence[float] = (), interrupted: int = 0) -> Tally:
    errors = {"timeout": ErrorCount(count=len(failed), exemplar="no answer")} if failed else {}
    started = len(ok) + len(failed) + interrupted
    return Tally(ok=histogram(ok), failed=histogram(failed), started=started, errors=errors)


def phase(users: int | None = 10, **operations: Tally) -> PhaseRecording:
    """`login` and `send` stand for the two operations."""
    names = {"login": LOGIN, "send": SEND}
    return PhaseRecording(operations={names[key]: value for key, value in operations.items()}, users=users)


def result(
    steady: PhaseRecording | None = None,
    *,
    start: float = 0.0,
    duration: float = 10.0,
    timeline: Sequence[Second] = (),
    resources: Mapping[str, ResourceUse] | None = None,
    problems: tuple[str, ...] = (),
) -> Result:
    """A result whose steady phase lasts `duration` seconds after a warm-up of `start` seconds, if that is not 0."""
    recording = Recording(phases={"steady": steady or PhaseRecording()})
    spans = {"warm_up": (0.0, start)} if start else {}
    spans["steady"] = start, start + duration
    return result_of(recording, spans, timeline=timeline, resources=resources or {}, problems=problems)


def second(t: int, ok: Sequence[float] = (), failed: int = 0, *, name: str = SEND, users: int = 10) -> Second:
    operations = {name: OperationSecond(ok=histogram(ok), failed=failed)} if ok or failed else {}
    return Second(t=t, phase="steady", users=users, operations=operations)


def of_seconds(seconds: Sequence[Second], *, faults: tuple[FaultRecord, ...] = (), **rest: tuple[str, ...]) -> Result:
    """A result of one phase whose operations are those of its seconds, which count from 0."""
    recording = PhaseRecording(users=min((one.users for one in seconds), default=0))
    for one in seconds:
        for name, operation in one.operations.items():
            failed = histogram([0.1] * operation.failed)
            started = operation.ok.count + operation.failed
            mine = recording.operations.setdefault(name, Tally())
            mine.merge(Tally(ok=operation.ok, failed=failed, started=started))
    made = result(recording, duration=float(len(seconds)), timeline=seconds, problems=rest.get("problems", ()))
    return replace(made, faults=faults)
