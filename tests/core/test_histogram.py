import json

import numpy as np
import pytest
from core_samples import histogram, ticks
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binom

from pytest_roo_load.core.histogram import HIGHEST_S, Histogram

HALF_A_MICROSECOND = 0.5e-6
latencies = st.lists(
    st.one_of(st.floats(0, 0.003), st.floats(0, 2.0), st.floats(0, HIGHEST_S), st.sampled_from([0.0, 1e-6, HIGHEST_S])),
    max_size=60,
)
some_latencies = latencies.filter(bool)
percents = st.one_of(st.floats(0.001, 100), st.sampled_from([1.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0]))


def nearest_rank(values: list[float], q: float) -> float:
    return float(np.percentile(np.array(values), q, method="inverted_cdf"))


@given(parts=st.lists(latencies, max_size=5))
def test_a_merge_equals_the_whole_bucket_by_bucket(parts: list[list[float]]) -> None:
    merged = Histogram()
    for part in parts:
        merged.merge(histogram(part))
    whole = histogram(value for part in parts for value in part)

    assert merged.buckets() == whole.buckets()
    assert merged == whole
    assert (merged.count, merged.minimum, merged.maximum) == (whole.count, whole.minimum, whole.maximum)
    assert merged.total == pytest.approx(whole.total)


@given(left=latencies, right=latencies)
def test_a_merge_does_not_touch_what_is_merged_and_its_order_does_not_matter(
    left: list[float], right: list[float]
) -> None:
    one, other = histogram(left), histogram(right)
    one.merge(histogram(right))
    other_before = other.buckets()
    empty = Histogram()
    empty.merge(other)
    empty.merge(histogram(left))

    assert one == empty
    assert other.buckets() == other_before
    assert other.count == len(right)


@given(values=some_latencies, q=percents)
@example(values=[0.001] * 99 + [1.0], q=99.0)
@example(values=[0.001] * 98 + [1.0] * 2, q=99.0)
def test_a_percentile_is_the_nearest_rank_and_never_below_it(values: list[float], q: float) -> None:
    exact = nearest_rank(values, q)
    measured = histogram(values).percentile(q)

    assert measured is not None
    assert measured >= exact - HALF_A_MICROSECOND - 1e-12
    assert measured <= exact * (1 + 1 / 1024) + HALF_A_MICROSECOND + 1e-12
    assert min(values) <= measured <= max(values)


@given(values=some_latencies)
def test_percentiles_grow_with_their_rank(values: list[float]) -> None:
    whole = histogram(values)
    found = [whole.percentile(q) or 0.0 for q in (1, 10, 50, 90, 95, 99, 99.9, 100)]

    assert found == sorted(found)
    assert found[-1] == pytest.approx(max(values), rel=1e-12, abs=HALF_A_MICROSECOND)


@pytest.mark.parametrize("tick", [1, 2, 1023, 1024, 2047])
def test_up_to_two_milliseconds_every_microsecond_has_a_bucket_of_its_own(tick: int) -> None:
    assert ticks(tick).buckets() == [(tick, 1)]
    assert ticks(tick) != ticks(tick + 1)


@pytest.mark.parametrize(("low", "high"), [(2048, 2049), (4096, 4099), (2**20, 2**20 + 1023)])
def test_from_there_each_power_of_two_has_1024_buckets(low: int, high: int) -> None:
    assert ticks(low) == ticks(high)
    assert ticks(low - 1) != ticks(low)
    assert ticks(high) != ticks(high + 1)


def test_one_hour_is_the_longest_bucket_and_the_maximum_stays_exact() -> None:
    whole = histogram([HIGHEST_S, 7200.0])

    assert len(whole.buckets()) == 1
    assert whole.maximum == 7200.0
    assert whole.buckets() == histogram([HIGHEST_S, HIGHEST_S]).buckets()


def test_without_values_there_is_no_figure() -> None:
    empty = Histogram()
    empty.add([])

    assert (empty.count, empty.mean, empty.percentile(50), empty.interval(50)) == (0, None, None, None)
    assert empty.buckets() == []
    assert repr(empty) == "<Histogram of 0 values, p50 None, p99 None>"


def test_mean_minimum_and_maximum_are_exact() -> None:
    whole = histogram([0.1234567, 0.2, 3.3333333])

    assert whole.mean == pytest.approx((0.1234567 + 0.2 + 3.3333333) / 3, rel=1e-12)
    assert (whole.minimum, whole.maximum) == (0.1234567, 3.3333333)
    assert repr(ticks(100, 200)) == "<Histogram of 2 values, p50 0.0001, p99 0.0002>"


@given(values=latencies)
def test_json_and_back_is_the_same_histogram(values: list[float]) -> None:
    whole = histogram(values)
    again = Histogram.from_dict(json.loads(json.dumps(whole.to_dict())))

    assert again == whole
    assert again.to_dict() == whole.to_dict()
    assert (again.count, again.total, again.minimum, again.maximum) == (
        whole.count, whole.total, whole.minimum, whole.maximum,
    )  # fmt: skip


def test_a_histogram_read_from_json_can_be_merged_into() -> None:
    again = Histogram.from_dict(ticks(5).to_dict())
    again.merge(ticks(5, 4000))

    assert again == ticks(5, 5, 4000)


@given(values=latencies, limit=st.floats(0, HIGHEST_S))
def test_what_lies_above_a_limit_is_counted_to_the_bucket(values: list[float], limit: float) -> None:
    counted = histogram(values).count_above(limit)
    slack = limit / 1024 + 2 * HALF_A_MICROSECOND

    assert counted <= sum(value > limit - HALF_A_MICROSECOND for value in values)
    assert counted >= sum(value > limit + slack for value in values)


def test_what_equals_the_limit_is_not_above_it() -> None:
    assert ticks(100, 101, 5000).count_above(100e-6) == 2
    assert ticks(100, 101, 5000).count_above(1.0) == 0


@given(values=some_latencies, q=percents)
def test_an_interval_contains_its_percentile(values: list[float], q: float) -> None:
    whole = histogram(values)
    interval, measured = whole.interval(q), whole.percentile(q)

    assert interval is not None
    assert measured is not None
    assert 0 <= interval[0] <= measured
    assert interval[1] is None or measured <= interval[1] <= max(values)


@pytest.mark.parametrize("count", [1, 2, 5, 6, 20, 59, 100, 299, 1000, 2000])
@pytest.mark.parametrize("q", [10.0, 50.0, 95.0, 99.0, 99.9])
def test_the_ranks_of_an_interval_cover_by_the_binomial_law(count: int, q: float) -> None:
    """Values 1 to `count` µs are their own ranks, so that the coverage can be computed instead of simulated."""
    interval = ticks(*range(1, count + 1)).interval(q)
    assert interval is not None
    low = round(interval[0] * 1e6)
    high = count + 1 if interval[1] is None else round(interval[1] * 1e6)
    below = binom(count, q / 100)
    misses_low, misses_high = below.cdf(low - 1), below.sf(high - 1)

    assert misses_low <= 0.025
    assert misses_high <= 0.025
    assert below.cdf(low) > 0.025 or low == count, "a higher rank would have covered too"
    assert below.sf(high - 2) > 0.025, "a lower rank would have covered too"


@pytest.mark.parametrize("q", [50.0, 95.0])
def test_an_interval_covers_the_true_percentile_as_often_as_it_says(q: float) -> None:
    draw = np.random.default_rng(20261123)
    truth = float(-np.log(1 - q / 100) * 0.05)
    intervals = [histogram(draw.exponential(0.05, 400)).interval(q) for _ in range(600)]
    covered = sum(low <= truth <= (high or np.inf) for low, high in filter(None, intervals))

    assert 0.935 <= covered / 600 <= 0.985


def test_too_few_samples_have_no_upper_bound() -> None:
    few, enough = histogram([0.01] * 200).interval(99.9), histogram([0.01] * 5000).interval(99.9)

    assert few is not None
    assert few[1] is None
    assert enough is not None
    assert enough[1] == 0.01


def test_too_few_samples_have_no_lower_bound_but_zero() -> None:
    assert histogram([0.01, 0.02]).interval(50) == (0.0, None)


def test_an_interval_reaches_to_the_edges_of_its_buckets() -> None:
    """Within one bucket nothing is known of where the percentile is: half of these values are below 1,048,800 µs."""
    spread = ticks(*range(2**20, 2**20 + 1000))
    interval = spread.interval(50)

    assert interval is not None
    assert interval[0] == spread.minimum
    assert interval[1] == spread.maximum


def test_more_confidence_is_a_wider_interval() -> None:
    whole = ticks(*range(1, 1001))
    narrow, wide = whole.interval(50, confidence=0.5), whole.interval(50, confidence=0.999)

    assert narrow is not None
    assert wide is not None
    assert wide[0] < narrow[0] <= (narrow[1] or 0) < (wide[1] or 0)


def test_a_histogram_is_unhashable_and_unequal_to_other_things() -> None:
    assert Histogram() != 0
    with pytest.raises(TypeError, match="unhashable"):
        hash(Histogram())
