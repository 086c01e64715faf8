"""Windows of seconds: `over` and `for`."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from core_samples import LOGIN, SEND, of_seconds, phase, result, second, tally

from pytest_roo_load.core.recording import Recording
from pytest_roo_load.core.result import Result, result_of
from pytest_roo_load.core.sla.judge import Judgement, judge
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.core.verdict import Verdict

PASS, FAIL, NO_DATA, INVALID = Verdict.PASS, Verdict.FAIL, Verdict.NO_DATA, Verdict.INVALID


def judged(text: str, by: Result) -> Judgement:
    return judge(parse_objective(text), by)


def latencies(*per_second: float | None) -> Result:
    """One second each: its latency, or None for one in which nothing ended."""
    return of_seconds([second(t, [] if value is None else [value] * 5) for t, value in enumerate(per_second)])


def errors(*per_second: tuple[int, int]) -> Result:
    """(succeeded, failed) of each second."""
    return of_seconds([second(t, [0.1] * ok, failed) for t, (ok, failed) in enumerate(per_second)])


@pytest.mark.parametrize(
    ("seconds", "verdict", "reason"),
    [
        ((0.1,) * 6, PASS, ""),
        ((0.1, 0.1, 0.1, 2.0, 0.1, 0.1), FAIL, "violated from second 2 on"),
        ((2.0, 0.1, 0.1, 0.1, 0.1, 0.1), FAIL, "violated from second 0 on"),
        ((0.1, 0.1, 0.1, 0.1, 0.1, 2.0), FAIL, "violated from second 4 on"),
        ((0.1, None, 0.1, 0.1, None, 0.1), PASS, ""),
        ((0.1, 0.1, None, None, 0.1, 0.1), NO_DATA, "no samples from second 2 to 4"),
        ((None, None, 0.1, 2.0, 0.1, 0.1), FAIL, "violated from second 2 on"),
    ],
)
def test_over_must_hold_in_every_window(seconds: tuple[float | None, ...], verdict: Verdict, reason: str) -> None:
    judgement = judged("p95 < 1 s over 2 s", latencies(*seconds))

    assert (judgement.verdict, judgement.reason) == (verdict, reason)


def test_the_worst_window_is_what_was_measured() -> None:
    assert judged("p95 < 1 s over 1 s", latencies(0.1, 0.7, 0.2)).measured == pytest.approx(0.7, rel=1 / 1024)
    assert judged("p95 > 1 ms over 1 s", latencies(0.3, 0.1, 0.2)).measured == pytest.approx(0.1, rel=1 / 1024)
    assert judged("p95 < 1 s over 1 s", latencies(0.1, 0.7, 0.2)).samples == 15


def test_a_window_sums_its_seconds_up_instead_of_averaging_their_figures() -> None:
    by = errors((100, 0), (0, 1))

    assert judged("error_rate < 1 % over 2 s", by).measured == 1 / 101
    assert judged("error_rate < 1 % over 2 s", by).verdict is PASS
    assert judged("error_rate < 1 % over 1 s", by).verdict is FAIL


@pytest.mark.parametrize(
    ("text", "verdict", "measured"),
    [
        ("throughput >= 3/s over 2 s", PASS, 3.0),
        ("throughput >= 3/s over 1 s", FAIL, 2.0),
        ("count >= 7 over 2 s", PASS, 7.0),
        ("error_rate <= 20 % over 1 s", PASS, 0.2),
        ("mean < 101 ms over 1 s", PASS, 0.1),
        ("maximum < 99 ms over 1 s", FAIL, 0.1),
        ("users >= 10 over 3 s", PASS, 10.0),
    ],
)
def test_every_metric_of_operations_has_windows(text: str, verdict: Verdict, measured: float) -> None:
    judgement = judged(text, errors((4, 1), (2, 0), (5, 1)))

    assert judgement.verdict is verdict
    assert judgement.measured == pytest.approx(measured)


def test_the_users_of_a_window_are_the_least_of_its_seconds() -> None:
    by = of_seconds([second(t, [0.1], users=users) for t, users in enumerate((10, 3, 9))])

    assert judged("users >= 4 over 2 s", by).verdict is FAIL
    assert judged("users >= 3 over 2 s", by).measured == 3


@pytest.mark.parametrize(
    ("seconds", "verdict", "reason"),
    [
        ((0.1, 2.0, 2.0, 0.1, 2.0, 2.0), PASS, ""),
        ((0.1, 2.0, 2.0, 2.0, 0.1, 0.1), FAIL, "violated from second 1 on"),
        ((0.1, 0.1, 0.1, 2.0, 2.0, 2.0), FAIL, "violated from second 3 on"),
        ((0.1, 2.0, None, 2.0, 0.1, 0.1), FAIL, "violated from second 1 on"),
        ((0.1, None, None, None, 0.1, 0.1), FAIL, "violated from second 1 on"),
        ((None, None, None, None, None, None), NO_DATA, "no operation 'POST /conversations/:id/messages' ran"),
    ],
)
def test_for_is_broken_by_a_violation_that_lasts(
    seconds: tuple[float | None, ...], verdict: Verdict, reason: str
) -> None:
    judgement = judged(f"p95 of '{SEND}' < 1 s for 3 s", latencies(*seconds))

    assert judgement.verdict is verdict
    assert judgement.reason.startswith(reason)
    assert bool(reason) == bool(judgement.reason)


def test_windows_of_one_operation_look_at_that_one_only() -> None:
    seconds = [second(t, [0.1]) for t in range(4)]
    seconds[2].merge(second(2, [5.0], name=LOGIN))
    by = of_seconds(seconds)

    assert judged(f"p95 of '{SEND}' < 1 s over 1 s", by).verdict is PASS
    assert judged("p95 < 1 s over 1 s", by).verdict is FAIL
    assert judged(f"p95 of '{LOGIN}' < 1 s over 1 s", by).verdict is FAIL


@pytest.mark.parametrize("window", ["over 4 s", "for 4 s"])
def test_a_window_longer_than_the_phase_is_no_data(window: str) -> None:
    judgement = judged(f"p95 < 1 s {window}", latencies(0.1, 0.1, 0.1))

    assert judgement.verdict is NO_DATA
    assert judgement.reason == "the phase has 3 whole seconds, fewer than one window"
    assert judged(f"p95 < 1 s {window}", latencies(0.1, 0.1, 0.1, 0.1)).verdict is PASS


def test_only_whole_seconds_of_the_phase_are_looked_at() -> None:
    """The steady phase lasts from 1.5 s to 4.5 s: seconds 2 and 3 are wholly inside."""
    seconds = [second(t, [0.1 if t in {2, 3} else 9.0]) for t in range(6)]
    by = result(phase(send=tally([0.1] * 6)), start=1.5, duration=3.0, timeline=seconds)

    assert judged("p95 < 1 s over 1 s", by).verdict is PASS
    assert judged("p95 < 1 s over 2 s", by).samples == 2
    assert judged("p95 < 1 s over 3 s", by).verdict is NO_DATA


def in_steps(slow: set[int], **spans: tuple[float, float]) -> Result:
    """A result with phases of these spans, 20 s in all; these seconds are slow."""
    names = {name.replace("_", " "): span for name, span in spans.items()}
    phases = {name: phase(send=tally([0.1] * 5)) for name in names}
    seconds = [second(t, [9.0 if t in slow else 0.1]) for t in range(20)]
    return result_of(Recording(phases=phases), names, timeline=seconds)


PLATEAUS = {"steady": (0.0, 5.0), "ramp": (5.0, 10.0), "steady_2": (10.0, 15.0)}


@pytest.mark.parametrize(
    ("spans", "window", "longest"),
    [
        ({f"{users} users": (at, at + 2.5) for users, at in ((10, 0.0), (20, 2.5), (30, 5.0), (40, 7.5))}, 5, 4),
        (PLATEAUS, 10, 5),
        (PLATEAUS, 6, 5),
    ],
)
@pytest.mark.parametrize("kind", ["over", "for"])
def test_a_window_longer_than_any_stretch_of_the_phase_is_no_data(
    spans: dict[str, tuple[float, float]], window: int, longest: int, kind: str
) -> None:
    judgement = judged(f"p95 < 1 s {kind} {window} s", in_steps(set(), **spans))

    assert judgement.verdict is NO_DATA
    assert judgement.reason == f"the phase has {longest} whole seconds on end at most, fewer than one window"


def test_a_violation_does_not_last_over_a_gap_between_phases() -> None:
    assert judged("p95 < 1 s for 5 s", in_steps({4, 10}, **PLATEAUS)).verdict is PASS
    assert judged("p95 < 1 s for 2 s", in_steps({4, 10}, **PLATEAUS)).verdict is PASS
    assert judged("p95 < 1 s for 2 s", in_steps({4, 10, 11}, **PLATEAUS)).reason == "violated from second 10 on"
    assert judged("p95 < 1 s over 2 s", in_steps({7}, **PLATEAUS)).verdict is PASS


def dropping(*dropped: int, end: int = 0) -> Result:
    """A hundred quick operations in each second, and so many dropped arrivals; some were found when the load ended."""
    seconds = [second(t, [0.1] * 100) for t in range(len(dropped))]
    for one, arrivals in zip(seconds, dropped, strict=True):
        one.dropped = arrivals
    recording = phase(send=tally([0.1] * 100 * len(dropped)))
    recording.dropped = sum(dropped) + end
    return result(recording, duration=float(len(dropped)), timeline=seconds)


@pytest.mark.parametrize(
    ("text", "dropped", "verdict"),
    [
        ("p95 < 1 s over 1 s", (0, 0, 5, 0, 0, 0), PASS),
        ("p95 < 1 s over 1 s", (0, 0, 6, 0, 0, 0), INVALID),
        ("p95 < 1 s over 2 s", (0, 0, 6, 0, 0, 0), PASS),
        ("p95 < 1 s over 2 s", (0, 0, 6, 6, 0, 0), INVALID),
        ("p95 < 1 ms over 2 s", (0, 0, 6, 6, 0, 0), FAIL),
        ("p95 > 1 ms over 2 s", (0, 0, 6, 6, 0, 0), PASS),
        ("p95 < 1 s for 2 s", (0, 6, 0, 6, 0, 6), PASS),
        ("p95 < 1 s for 2 s", (0, 0, 6, 6, 0, 0), INVALID),
        ("maximum < 1 s over 1 s", (0, 0, 1, 0, 0, 0), INVALID),
        ("error_rate < 1 % over 1 s", (0, 0, 50, 0, 0, 0), PASS),
    ],
)
def test_a_window_holds_only_if_it_would_with_the_arrivals_dropped_in_it(
    text: str, dropped: tuple[int, ...], verdict: Verdict
) -> None:
    assert judged(text, dropping(*dropped)).verdict is verdict


def test_windows_that_drops_leave_open_tell_where_and_how_many() -> None:
    over = judged("p95 < 1 s over 2 s", dropping(0, 0, 6, 7, 0, 0))
    lasting = judged("p95 < 1 s for 3 s", dropping(0, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0))

    assert over.measured == pytest.approx(0.1, rel=1 / 1024)
    assert over.reason.startswith("13 arrivals found no free user from second 2 to 4 and were dropped.")
    assert lasting.reason.startswith("27 arrivals found no free user from second 1 to 4 and were dropped.")


def test_what_was_dropped_in_no_second_counts_for_the_phase() -> None:
    assert judged("p95 < 1 s over 1 s", dropping(0, 0, 0, end=15)).verdict is PASS
    assert judged("p95 < 1 s over 1 s", dropping(0, 0, 0, end=16)).verdict is INVALID


def test_windows_are_the_same_after_a_journey_through_the_live_file() -> None:
    before = latencies(0.1, 0.2, 5.0)
    lines = [json.dumps(one.to_dict()) for one in before.timeline]
    after = replace(before, timeline=[Second.from_dict(json.loads(line)) for line in lines])

    assert judged("p95 < 1 s over 1 s", after) == judged("p95 < 1 s over 1 s", before)
