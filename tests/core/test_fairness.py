import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.fairness import Fairness, fairness


def test_users_that_did_alike_are_spread_evenly() -> None:
    assert fairness([7, 7, 7, 7]) == Fairness(users=4, least=7, p5=7, median=7, p95=7, most=7, gini=0.0)


def test_a_starved_user_shows() -> None:
    spread = fairness([10] * 99 + [0])

    assert spread is not None
    assert (spread.least, spread.p5, spread.median, spread.most) == (0, 10, 10, 10)
    assert spread.gini == pytest.approx(0.01)


def test_one_user_that_finished_everything_is_nearly_one() -> None:
    spread = fairness([0] * 99 + [50])

    assert spread is not None
    assert spread.gini == pytest.approx(0.99)


def test_without_users_there_is_no_spread_and_without_iterations_an_even_one() -> None:
    assert fairness([]) is None
    assert fairness([0, 0]) == Fairness(users=2, least=0, p5=0, median=0, p95=0, most=0, gini=0.0)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=60))
def test_the_order_of_users_does_not_matter_and_quantiles_ascend(counts: list[int]) -> None:
    spread = fairness(counts)

    assert spread is not None
    assert spread == fairness(sorted(counts))
    assert min(counts) == spread.least <= spread.p5 <= spread.median <= spread.p95 <= spread.most == max(counts)
    differences = sum(abs(a - b) for a in counts for b in counts)
    assert spread.gini == pytest.approx(differences / (2 * len(counts) * sum(counts)) if any(counts) else 0, abs=1e-9)
