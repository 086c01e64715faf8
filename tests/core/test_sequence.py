from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.sequence import SequenceCheck


def seen(numbers: Iterable[int]) -> SequenceCheck:
    check = SequenceCheck()
    for number in numbers:
        check.see(number)
    return check


@pytest.mark.parametrize(
    ("numbers", "missing", "duplicates", "reordered"),
    [
        ([], 0, 0, 0),
        ([7, 8, 9], 0, 0, 0),
        ([1, 3], 1, 0, 0),
        ([1, 3, 2], 0, 0, 1),
        ([1, 2, 2, 1], 0, 2, 0),
        ([5, 4, 3], 0, 0, 2),
        ([5, 2], 2, 0, 1),
        ([5, 2, 3, 3], 1, 1, 2),
    ],
)
def test_what_is_found(numbers: list[int], missing: int, duplicates: int, reordered: int) -> None:
    check = seen(numbers)
    assert (check.missing, check.duplicates, check.reordered) == (missing, duplicates, reordered)
    assert check.is_perfect == (missing == duplicates == reordered == 0)
    assert repr(check).startswith(f"<SequenceCheck {len(numbers)} received, {missing} missing")


@given(st.lists(st.integers(min_value=-50, max_value=50), min_size=1))
def test_every_message_and_every_gap_is_accounted_for(numbers: list[int]) -> None:
    check = seen(numbers)
    distinct = set(numbers)
    assert check.received == len(numbers)
    assert check.duplicates == len(numbers) - len(distinct)
    assert check.missing == max(distinct) - min(distinct) + 1 - len(distinct)


@given(st.permutations(range(20)))
def test_only_the_order_that_was_sent_is_perfect(order: list[int]) -> None:
    assert seen(order).is_perfect == (order == list(range(20)))


def test_a_long_gap_costs_little_and_is_still_counted() -> None:
    check = seen([0, 10**9])
    assert check.missing == 10**9 - 1
    check.see(10**9 - 1)
    assert (check.missing, check.reordered) == (10**9 - 2, 1)
    check.see(5)
    assert check.duplicates == 1, "a number that was given up and comes after all cannot be told from a duplicate"
