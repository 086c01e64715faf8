"""The sliding window: what counts in it, what remains, how long to wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.ccs.protection.window import Count, Rate

RATE = Rate(limit=10, window_s=100)


@pytest.mark.parametrize(
    ("count", "used", "remaining"),
    [
        (Count(current=0, before=0, elapsed_s=0), 0, 10),
        (Count(current=4, before=0, elapsed_s=0), 4, 6),
        (Count(current=4, before=10, elapsed_s=50), 9, 1),
        (Count(current=4, before=10, elapsed_s=40), 10, 0),
        (Count(current=4, before=10, elapsed_s=100), 4, 6),
    ],
)
def test_the_window_before_counts_as_far_as_it_overlaps(count: Count, used: float, remaining: int) -> None:
    assert count.used(RATE) == pytest.approx(used)
    assert count.remaining(RATE) == remaining


@given(
    limit=st.integers(1, 100),
    window_s=st.floats(1, 1000),
    current=st.integers(0, 100),
    before=st.integers(0, 100),
    share=st.floats(0, 0.999),
)
def test_after_the_wait_one_more_is_allowed_and_not_much_earlier(
    limit: int, window_s: float, current: int, before: int, share: float
) -> None:
    rate = Rate(limit=limit, window_s=window_s)
    count = Count(current=min(current, limit), before=min(before, limit), elapsed_s=share * window_s)
    wait_s = count.wait_s(rate)
    assert 0 <= wait_s <= 2 * window_s
    assert after(count, rate, wait_s + window_s * 1e-6).used(rate) + 1 <= limit + 1e-3
    if wait_s > window_s * 1e-3:
        assert after(count, rate, wait_s - window_s * 1e-3).used(rate) + 1 > limit


def after(count: Count, rate: Rate, seconds: float) -> Count:
    elapsed_s = count.elapsed_s + seconds
    if elapsed_s < rate.window_s:
        return Count(current=count.current, before=count.before, elapsed_s=elapsed_s)
    return Count(current=0, before=count.current, elapsed_s=elapsed_s - rate.window_s)
