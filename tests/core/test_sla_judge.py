import math
from dataclasses import replace
from statistics import NormalDist

import pytest
from core_samples import LOGIN, SEND, of_seconds, phase, result, second, tally
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binomtest

from pytest_roo_load.core.recording import Recording
from pytest_roo_load.core.result import ResourceUse, Result, result_of
from pytest_roo_load.core.sla.judge import Judgement, judge, wilson
from pytest_roo_load.core.sla.objective import METRICS
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.verdict import Verdict

PASS, FAIL, NO_DATA, INVALID = Verdict.PASS, Verdict.FAIL, Verdict.NO_DATA, Verdict.INVALID
USE = ResourceUse(memory_peak=214_000_000, cpu_mean=0.35, cores=2, looks=20)
# 100 logins of 10 to 1000 ms, of which the slowest five failed, and 50 messages of 20 ms; 10 s, 12 users.
LOADED = result(
    phase(
        12,
        login=tally([t / 100 for t in range(1, 96)], [t / 100 for t in range(96, 101)]),
        send=tally([0.02] * 50, interrupted=2),
    ),
    resources={"ccs": USE, "redis": replace(USE, memory_peak=15_000_000, cpu_mean=None, looks=1)},
)


def judged(text: str, by: Result = LOADED) -> Judgement:
    return judge(parse_objective(text), by)


@pytest.mark.parametrize(
    ("met", "missed", "measured", "samples"),
    [
        ("p95 of 'POST /auth/login' < 1 s", "p95 of 'POST /auth/login' < 900 ms", 0.91, 95),
        ("p50 < 400 ms", "p50 < 10 ms", 0.23, 145),
        ("p100 of 'POST /auth/login' <= 951 ms", "p100 of 'POST /auth/login' < 940 ms", 0.95, 95),
        ("mean of 'POST /auth/login' < 481 ms", "mean of 'POST /auth/login' < 479 ms", 0.48, 95),
        ("maximum of 'POST /auth/login' <= 950 ms", "maximum of 'POST /auth/login' < 950 ms", 0.95, 95),
        ("error_rate < 4 %", "error_rate < 3 %", 5 / 150, 150),
        ("error_rate of 'POST /auth/login' <= 5 %", "error_rate of 'POST /auth/login' < 5 %", 0.05, 100),
        ("throughput > 800 requests/min", "throughput > 900 requests/min", 14.5, 150),
        ("throughput of 'POST /conversations/:id/messages' == 5/s", "throughput > 14.5/s", None, 0),
        ("count == 150", "count >= 151", 150, 150),
        ("interrupted <= 2", "interrupted == 0", 2, 150),
        ("interrupted of 'POST /auth/login' == 0", "interrupted of 'POST /auth/login' > 0", 0, 100),
        ("users >= 12", "users > 12", 12, 150),
        ("memory_peak < 500 MB", "memory_peak < 200 MB", 214e6, 20),
        ("memory_peak of 'redis' < 16 MB", "memory_peak of 'redis' < 14 MB", 15e6, 1),
        ("memory_peak of 'target' < 500 MB", "memory_peak of 'target' < 200 MB", 214e6, 20),
        ("cpu_mean of 'ccs' < 70 %", "cpu_mean < 30 %", 0.35, 20),
    ],
)
def test_every_kind_of_metric_passes_and_fails(met: str, missed: str, measured: float | None, samples: int) -> None:
    good, bad = judged(met), judged(missed)

    assert (good.verdict, good.reason) == (PASS, "")
    assert (bad.verdict, bad.reason) == (FAIL, "")
    if measured is not None:
        assert good.measured == bad.measured == pytest.approx(measured, rel=1 / 1024)
        assert good.samples == bad.samples == samples
    assert good.margin is None or good.margin >= 0
    assert bad.margin is None or bad.margin <= 0


@given(failed=st.integers(1, 99))
@example(failed=7)  # 7 * 0.01 is more than 7 / 100
def test_an_error_rate_at_its_limit_is_not_below_it(failed: int) -> None:
    at_limit = result(phase(login=tally([0.1] * (1000 - failed), [0.1] * failed)))
    limit = f"{failed // 10}.{failed % 10} %"

    assert judged(f"error_rate < {limit}", at_limit).verdict is FAIL
    assert judged(f"error_rate <= {limit}", at_limit).verdict is PASS


def test_failed_operations_have_no_part_in_latencies() -> None:
    by = result(phase(login=tally([0.1], [60.0] * 50)))

    assert judged("maximum < 101 ms", by).verdict is PASS
    assert judged("p99 < 101 ms", by).samples == 1


# --- no data -----------------------------------------------------------------------------------------------------

EVERYTHING = [
    *(f"p95{tail} {operator} 1 s" for operator in ("<", ">") for tail in ("", " of 'POST /auth/login'")),
    *(f"{name} {operator} 0" for name in METRICS for operator in ("<", "<=", ">", ">=", "==")),
    *(f"{name} >= 0 {window}" for name in ("p95", "mean", "maximum", "error_rate", "throughput", "count", "users")
      for window in ("over 2 s", "for 2 s")),
]  # fmt: skip
NOTHING = {
    "nothing ran": result(phase(), timeline=[second(t) for t in range(10)]),
    "nothing ended": result(phase(login=tally(interrupted=9)), timeline=[second(t) for t in range(10)]),
    "no timeline": result(phase(None)),
    "never looked at": result(phase(), resources={"ccs": ResourceUse(memory_peak=0, cpu_mean=0, cores=1, looks=0)}),
}


@pytest.mark.parametrize("text", EVERYTHING)
@pytest.mark.parametrize("kind", NOTHING)
def test_without_a_single_sample_nothing_is_ever_a_pass(kind: str, text: str) -> None:
    judgement = judged(text, NOTHING[kind])

    assert (judgement.verdict, judgement.measured, judgement.samples) == (NO_DATA, None, 0)
    assert judgement.reason


def test_when_everything_failed_latencies_have_no_data_and_rates_fail() -> None:
    by = result(phase(login=tally([], [0.1] * 3)))

    assert (judged("p95 < 3 s", by).verdict, judged("p95 < 3 s", by).reason) == (
        NO_DATA, "none of the 3 operations in steady succeeded",
    )  # fmt: skip
    assert judged("error_rate < 1 %", by).verdict is FAIL
    assert judged("throughput > 0/s", by).verdict is FAIL


def test_an_operation_that_never_ran_is_no_data_with_those_that_did() -> None:
    judgement = judged("p95 of 'POST /login' < 3 s")

    assert judgement.verdict is NO_DATA
    assert judgement.reason == (f"no operation 'POST /login' ran in steady; those that did: {LOGIN!r}, {SEND!r}")
    assert judged("p95 of 'x' < 3 s", result(phase())).reason.endswith("those that did: none")


def test_a_process_that_was_not_watched_is_no_data_with_those_that_were() -> None:
    judgement = judged("memory_peak of 'postgres' < 1 GB")

    assert judgement.verdict is NO_DATA
    assert judgement.reason == "process 'postgres' was not watched; those that were: ccs, redis"
    assert judged("cpu_mean < 70 %", result(phase())).reason.endswith("those that were: none")


def test_a_process_looked_at_once_has_no_mean() -> None:
    judgement = judged("cpu_mean of 'redis' < 70 %")

    assert judgement.verdict is NO_DATA
    assert "1 time(s)" in judgement.reason


def test_a_phase_that_the_profile_has_not_is_no_data_with_those_that_it_has() -> None:
    by = result(phase(login=tally([0.1])), start=3.0)

    assert judged("p95 in recovery < 1 s", by).verdict is NO_DATA
    assert judged("p95 in recovery < 1 s", by).reason == ("the profile has no phase 'recovery'; it has warm_up, steady")


def test_a_phase_that_no_generator_recorded_is_no_data() -> None:
    by = result(phase(login=tally([0.1])), start=3.0)

    assert judged("p95 in warm_up < 1 s", by).verdict is NO_DATA
    assert judged("p95 in warm_up < 1 s", by).reason == "no operation ended in warm_up"
    assert judged("users in warm_up >= 0", by).verdict is NO_DATA


def with_faults(**latency_s: float) -> Result:
    """A result with phases of these names, 10 s each, in each of which one operation has ended; 0 stands for none."""
    phases = {name.replace("_", " "): phase(login=tally([value] if value else [])) for name, value in latency_s.items()}
    spans = {name: (10.0 * number, 10.0 * number + 10) for number, name in enumerate(phases)}
    return result_of(Recording(phases=phases), spans)


def test_an_objective_of_a_fault_must_hold_in_every_phase_with_one() -> None:
    one_is_slow = with_faults(steady=0.1, fault=0.2, recovery=0.1, fault_2=0.9, recovery_2=0.1, fault_3=0.4)

    judgement = judged("mean in fault < 500 ms", one_is_slow)
    assert judgement.verdict is FAIL
    assert judgement.measured == pytest.approx(0.9, rel=0.01)
    assert judgement.reason == "'fault 2' is the worst of 3 phases"
    assert judgement.objective == parse_objective("mean in fault < 500 ms")
    assert judged("mean in fault < 1 s", one_is_slow).verdict is PASS
    assert judged("mean in fault < 1 s", one_is_slow).measured == pytest.approx(0.9, rel=0.01)
    assert judged("mean in 'fault 3' < 500 ms", one_is_slow).verdict is PASS
    assert judged("count in fault >= 1", one_is_slow).verdict is PASS


def test_a_phase_with_a_fault_in_which_nothing_ended_leaves_the_objective_without_data() -> None:
    judgement = judged("p95 in fault < 1 s", with_faults(steady=0.1, fault=0.2, fault_2=0))

    assert judgement.verdict is NO_DATA
    assert judgement.reason == "'fault 2' is the worst of 2 phases; no operation ended in fault 2"


# --- invalid -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["p95 < 3 s", "p95 < 1 us", "mean < 3 s", "maximum < 3 s", "p95 < 3 s over 2 s"])
def test_a_generator_in_trouble_makes_latencies_invalid_whatever_they_are(text: str) -> None:
    by = of_seconds([second(t, [0.1]) for t in range(4)], problems=("too late", "too busy"))
    judgement = judged(text, by)

    assert (judgement.verdict, judgement.reason) == (INVALID, "too late; too busy")
    assert judgement.measured == pytest.approx(0.1)
    assert judgement.samples == 4


@pytest.mark.parametrize("text", ["error_rate < 1 %", "throughput > 0.5/s", "count == 4", "users >= 10"])
def test_a_generator_in_trouble_leaves_what_is_counted(text: str) -> None:
    assert judged(text, of_seconds([second(t, [0.1]) for t in range(4)], problems=("too late",))).verdict is PASS


def test_no_data_is_not_made_invalid() -> None:
    assert judged("p95 of 'x' < 3 s", of_seconds([second(0, [0.1])], problems=("too late",))).verdict is NO_DATA


# --- intervals ---------------------------------------------------------------------------------------------------


def score_interval(hits: int, trials: int) -> tuple[float, float]:
    """The roots of (p - share)² = z² p (1 - p) / n, which define the score interval."""
    z2 = NormalDist().inv_cdf(0.975) ** 2
    a, b, c = trials + z2, -(2 * hits + z2), hits * hits / trials
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


@given(hits=st.integers(0, 5000), misses=st.integers(0, 5000))
def test_an_interval_of_a_proportion_is_wilsons(hits: int, misses: int) -> None:
    trials = hits + misses or 1
    low, high = wilson(hits, trials)

    assert (low, high) == pytest.approx(score_interval(hits, trials), abs=1e-7)
    assert high is not None
    assert 0 <= low <= hits / trials <= high <= 1


@pytest.mark.parametrize(("hits", "trials"), [(0, 5), (1, 10), (5, 10), (9, 10), (50, 1000), (999, 1000), (1, 1)])
def test_scipy_agrees(hits: int, trials: int) -> None:
    expected = binomtest(hits, trials).proportion_ci(0.95, method="wilson")

    assert wilson(hits, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("trials", [1, 7, 100, 12_345, 10**7])
def test_no_hit_can_be_never_and_only_hits_can_be_always(trials: int) -> None:
    z2 = NormalDist().inv_cdf(0.975) ** 2

    never, always = wilson(0, trials), wilson(trials, trials)

    assert (never[0], always[1]) == (0.0, 1.0)
    assert (never[1], always[0]) == pytest.approx((z2 / (trials + z2), trials / (trials + z2)))


def test_what_has_an_interval_and_what_has_none() -> None:
    assert judged("error_rate < 10 %").interval == wilson(5, 150)
    assert judged("p95 < 3 s").interval == LOADED.steady.histogram.interval(95)
    assert judged("p99.9 < 3 s").interval == LOADED.steady.histogram.interval(99.9)
    assert judged("throughput > 1/s").interval is None
    assert judged("users >= 1").interval is None
    assert judged("memory_peak < 500 MB").interval is None


def test_operations_that_never_ended_are_the_slowest_of_all() -> None:
    stuck = result(phase(login=tally([0.01] * 94, interrupted=6)))
    hidden = judged("p95 < 3 s", stuck)
    assert hidden.verdict is INVALID
    assert "6 operations had not ended" in hidden.reason
    assert judged("p90 < 3 s", stuck).verdict is PASS
    assert judged("maximum < 3 s", stuck).verdict is INVALID
    assert judged("p95 < 1 ms", stuck).verdict is FAIL


def test_a_percentile_holds_only_if_it_would_with_all_that_was_not_measured() -> None:
    """90 quick and 8 slow ones, and two arrivals that were dropped: p91 of the 100 is one of the slow ones."""
    recording = phase(login=tally([0.01] * 90 + [5.0] * 8))
    recording.arrivals, recording.dropped = 100, 2
    assert judged("p90 < 3 s", result(recording)).verdict is PASS
    hidden = judged("p91 < 3 s", result(recording))
    assert hidden.verdict is INVALID
    assert "2 arrivals found no free user and were dropped; 98 operations succeeded" in hidden.reason
    assert "5 s or more would be p91 of all" in hidden.reason
    assert "nothing is known of p99 of all" in judged("p99 < 6 s", result(recording)).reason
    recording.dropped = 0
    assert judged("p91 < 3 s", result(recording)).verdict is PASS


def test_arrivals_that_were_not_begun_are_the_slowest_of_all() -> None:
    recording = phase(login=tally([0.01] * 98))
    recording.missed = 6
    assert judged("p95 < 3 s", result(recording)).reason.startswith("6 arrivals could not be begun; 98 operations")


@pytest.mark.parametrize(("name", "needed"), [("p50", 6), ("p95", 72), ("p99", 368), ("p99.9", 3688)])
def test_a_percentile_of_too_few_samples_says_so(name: str, needed: int) -> None:
    def of(samples: int) -> Judgement:
        return judged(f"{name} < 3 s", result(phase(login=tally([0.01] * samples))))

    assert of(needed).reason == ""
    assert of(needed - 1).reason == f"{needed - 1} samples do not bound {name} from above; it takes {needed:,}"
    assert of(needed - 1).verdict is PASS
    assert of(needed - 1).interval is not None


@pytest.mark.parametrize("window", ["", " over 2 s", " for 2 s"])
def test_windows_that_hold_are_no_pass_where_most_was_not_measured(window: str) -> None:
    recording = phase(login=tally([0.01] * 100))
    recording.arrivals, recording.dropped = 1000, 900
    seconds = [second(t, [0.01] * 10, name=LOGIN) for t in range(10)]
    by = result(recording, timeline=seconds)

    hidden = judged(f"p95 < 1 s{window}", by)
    assert hidden.verdict is INVALID
    assert hidden.reason.startswith("900 arrivals found no free user and were dropped; 100 operations succeeded")
    assert hidden.measured == pytest.approx(0.01, rel=0.01)
    assert judged(f"p95 of '{LOGIN}' < 1 s{window}", by).verdict is INVALID
    assert judged(f"p95 < 1 ms{window}", by).verdict is FAIL
    assert judged(f"error_rate < 1 %{window}", by).verdict is PASS
    recording.dropped = 5
    assert judged(f"p95 < 1 s{window}", result(recording, timeline=seconds)).verdict is PASS


@pytest.mark.parametrize("window", ["over 2 s", "for 2 s"])
def test_windows_full_of_what_began_before_the_phase_are_no_pass_where_the_phase_has_only_what_never_ended(
    window: str,
) -> None:
    by = result(phase(send=tally(interrupted=6)), timeline=[second(t, [0.01]) for t in range(10)])

    hidden = judged(f"p95 < 1 s {window}", by)
    assert hidden.verdict is INVALID
    assert "nothing is known of p95 of all" in hidden.reason
