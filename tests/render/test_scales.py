import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.render.scales import Linear, Log, linear_over, log_over, nice_step

positive = st.floats(min_value=1e-6, max_value=1e12)


def mantissa(value: float) -> float:
    return round(value / 10.0 ** math.floor(math.log10(value) + 1e-9), 6)


@given(span=positive, most=st.integers(2, 10))
def test_a_step_is_round_and_divides_into_few_but_not_too_few_parts(span: float, most: int) -> None:
    step = nice_step(span, most)

    assert mantissa(step) in {1, 2, 5}
    assert span / step <= most * (1 + 1e-6)
    assert span / step > most / 2.5 * (1 - 1e-6)


@given(highest=positive, most=st.integers(2, 10))
def test_a_scale_from_zero_covers_the_data_and_ends_at_a_tick(highest: float, most: int) -> None:
    scale = linear_over(highest, most=most)
    ticks = scale.ticks(most)

    assert scale.high >= highest * (1 - 1e-8)
    assert ticks[0] == 0
    assert ticks[-1] == pytest.approx(scale.high)
    assert list(ticks) == sorted(set(ticks))
    assert 2 <= len(ticks) <= most + 1


def test_a_scale_of_nothing_still_has_a_height() -> None:
    assert linear_over(0, most=5) == Linear(low=0.0, high=1.0)


def test_a_scale_of_whole_things_has_whole_steps() -> None:
    assert linear_over(2, most=5, smallest_step=1.0).high == 2
    assert linear_over(1, most=5, smallest_step=1.0).high == 1


@given(lowest=st.floats(1e-6, 3600), ratio=st.floats(1, 1e9))
def test_a_logarithmic_scale_covers_the_data_with_round_ticks(lowest: float, ratio: float) -> None:
    highest = lowest * ratio
    scale = log_over(lowest, highest)
    ticks = scale.ticks(5)

    assert scale.low <= lowest * (1 + 1e-8)
    assert scale.high >= highest * (1 - 1e-8)
    assert scale.low < scale.high
    assert {mantissa(tick) for tick in ticks} <= {1, 2, 5}
    assert list(ticks) == sorted(set(ticks))
    assert ticks


@given(low=st.floats(1e-3, 1e3), ratio=st.floats(1.1, 1e6), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_both_scales_keep_the_order_of_values(low: float, ratio: float, shares: tuple[float, float]) -> None:
    high = low * ratio
    smaller, larger = sorted(low + (high - low) * share for share in shares)

    for scale in (Linear(low=low, high=high), Log(low=low, high=high)):
        assert scale.share(low) == pytest.approx(0, abs=1e-9)
        assert scale.share(high) == pytest.approx(1)
        assert scale.share(smaller) <= scale.share(larger)


def test_a_logarithmic_scale_gives_equal_ratios_equal_distances() -> None:
    scale = Log(low=0.001, high=1.0)

    assert scale.share(0.01) == pytest.approx(1 / 3)
    assert scale.share(0.1) == pytest.approx(2 / 3)
    assert scale.share(0) == 0


def test_few_decades_have_ticks_between_the_powers_of_ten() -> None:
    assert Log(low=0.01, high=0.1).ticks(5) == (0.01, 0.02, 0.05, 0.1)
    assert Log(low=0.001, high=10.0).ticks(5) == (0.001, 0.01, 0.1, 1.0, 10.0)
