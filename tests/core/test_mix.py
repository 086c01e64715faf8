import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_roo_load.core.mix import assign

whole_weights = st.lists(st.integers(1, 70), min_size=1, max_size=9)


@given(weights=whole_weights, users=st.integers(0, 120))
@example(weights=[1, 40, 5, 20, 20, 3], users=49)  # smooth weighted round robin is off by more than one here
@example(weights=[1, 70, 10, 10, 7, 70, 70, 1], users=93)
def test_every_number_of_users_has_the_mix_rounded_up_or_down(weights: list[int], users: int) -> None:
    given_out: Counter[int] = Counter()
    for number, journey in enumerate(assign(weights, users), 1):
        given_out[journey] += 1
        for index, weight in enumerate(weights):
            share = Fraction(number * weight, sum(weights))
            assert math.floor(share) <= given_out[index] <= math.ceil(share)


@given(
    weights=st.lists(st.floats(0.01, 100), min_size=1, max_size=6), users=st.integers(0, 80), more=st.integers(0, 40)
)
def test_the_users_of_a_lower_level_keep_their_journeys_at_a_higher_one(
    weights: list[float], users: int, more: int
) -> None:
    assert assign(weights, users + more)[:users] == assign(weights, users)


@given(weights=st.lists(st.floats(0.01, 100), min_size=1, max_size=6), users=st.integers(0, 80))
def test_weights_that_are_no_whole_numbers_are_within_one_of_their_share(weights: list[float], users: int) -> None:
    given_out = Counter(assign(weights, users))

    assert given_out.total() == users
    for index, weight in enumerate(weights):
        assert abs(given_out[index] - users * weight / sum(weights)) < 1 + 1e-9


def test_one_journey_is_everybodys() -> None:
    assert assign([1.0], 4) == [0, 0, 0, 0]


def test_equal_weights_take_turns_and_a_weight_of_zero_has_no_turn() -> None:
    assert assign([1, 1, 1], 6) == [0, 1, 2, 0, 1, 2]
    assert assign([1, 0, 1], 4) == [0, 2, 0, 2]


@pytest.mark.parametrize("factor", [0.5, 3, 100])
def test_only_the_ratio_of_the_weights_counts(factor: float) -> None:
    assert assign([5 * factor, 3 * factor, 2 * factor], 30) == assign([5, 3, 2], 30)
