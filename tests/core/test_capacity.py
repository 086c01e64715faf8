"""The search for a capacity, on targets that are functions of the rate."""

import itertools
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.capacity import Bounds, Capacity, CapacitySearch, Outcome, Step
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError

HOLDS, FAILS, INVALID = Outcome.HOLDS, Outcome.FAILS, Outcome.INVALID


def search(bounds: Bounds, target: Callable[[float], Outcome]) -> Capacity:
    """What is found at a target that gives the outcome for a rate."""
    searching = CapacitySearch(bounds)
    while (rate := searching.rate) is not None:
        outcome = target(rate)
        searching.take(Step(rate=rate, outcome=outcome, reason="" if outcome is HOLDS else f"{outcome.value} it was"))
    return searching.capacity


def rates(capacity: Capacity) -> list[float]:
    return [step.rate for step in capacity.steps]


@given(
    limit=st.floats(1, 50_000),
    start=st.floats(0.5, 5000),
    tolerance=st.floats(0.01, 0.5),
    factor=st.sampled_from([1.5, 2.0, 4.0]),
)
def test_the_capacity_is_found_within_the_tolerance(
    limit: float, start: float, tolerance: float, factor: float
) -> None:
    bounds = Bounds(start=start, tolerance=tolerance, factor=factor)
    found = search(bounds, lambda rate: HOLDS if rate <= limit else FAILS)
    assert found.reason == ""
    assert found.rate is not None
    assert found.too_much is not None
    assert found.rate <= limit < found.too_much <= found.rate * (1 + tolerance)
    assert len(found.steps) <= 40


def test_it_grows_then_halves_the_gap_then_confirms_both_ends() -> None:
    found = search(Bounds(start=10, tolerance=0.1), lambda rate: HOLDS if rate <= 90 else FAILS)
    assert rates(found) == [10, 20, 40, 80, 160, 113.1, 95.12, 87.23, 87.23, 95.12]
    assert (found.rate, found.too_much) == (87.23, 95.12)
    assert found.verdict is Verdict.PASS
    assert str(found) == "capacity 87.2 arrivals/s (95.1/s is too much, 10 steps)"


def test_it_shrinks_when_the_first_rate_is_too_much() -> None:
    found = search(Bounds(start=100, tolerance=0.5), lambda rate: HOLDS if rate <= 20 else FAILS)
    assert rates(found)[:4] == [100, 50, 25, 12.5]
    assert found.rate is not None
    assert found.rate <= 20


@given(limit=st.floats(5, 5000), wrong=st.integers(0, 20))
def test_an_outcome_that_is_wrong_does_not_lead_astray(limit: float, wrong: int) -> None:
    """One step, whichever it is, says the opposite of what is true."""
    steps = itertools.count()
    found = search(Bounds(start=10), lambda rate: HOLDS if (rate <= limit) != (next(steps) == wrong) else FAILS)
    assert found.rate is not None
    assert found.too_much is not None
    assert found.rate <= limit < found.too_much <= found.rate * 1.1


def test_an_end_of_the_gap_that_does_not_hold_again_is_given_up() -> None:
    told: list[float] = []

    def target(rate: float) -> Outcome:
        told.append(rate)
        lucky = rate == 80 and told.count(80) == 1
        return HOLDS if rate <= 50 or lucky else FAILS

    found = search(Bounds(start=10, tolerance=0.1), target)
    assert found.rate is not None
    assert 45 < found.rate <= 50
    assert told.count(80) >= 3, "the two outcomes disagreed, so it was tried once more"


def test_steps_that_tell_nothing_are_repeated_and_then_end_the_search() -> None:
    shaky = iter([INVALID, INVALID, HOLDS])
    found = search(Bounds(start=10), lambda rate: next(shaky, HOLDS if rate <= 30 else FAILS))
    assert rates(found)[:4] == [10, 10, 10, 20]
    assert found.rate is not None

    never = search(Bounds(start=10), lambda rate: HOLDS if rate <= 30 else INVALID)
    assert never.rate is None
    assert rates(never) == [10, 20, 40, 40, 40]
    assert never.reason == "3 steps at 40/s were invalid, the last: invalid it was"
    assert str(never) == f"no capacity was found in 5 steps: {never.reason}"


def test_ends_of_the_world() -> None:
    endless = search(Bounds(start=10, highest=50), lambda _rate: HOLDS)
    assert rates(endless) == [10, 20, 40, 50]
    assert (endless.rate, endless.reason) == (None, "the target holds at 50/s, the highest rate that was to be tried")
    dead = search(Bounds(start=10, lowest=4), lambda _rate: FAILS)
    assert rates(dead) == [10, 5, 4]
    assert (endless.verdict, dead.verdict) == (Verdict.INVALID, Verdict.FAIL)
    assert dead.reason == "the target fails at 4/s already, the lowest rate that was to be tried"


def test_a_search_that_will_not_settle_ends() -> None:
    """Every other step tells nothing, and the gap is to be narrow."""
    turns = itertools.cycle([True, False])
    bounds = Bounds(start=10, tolerance=0.001)
    found = search(bounds, lambda rate: INVALID if next(turns) else HOLDS if rate <= 50_000 else FAILS)
    assert len(found.steps) == 40
    assert (found.rate, found.reason) == (None, "40 steps did not settle it")
    assert found.verdict is Verdict.INVALID


def test_a_search_that_is_not_over_has_no_capacity() -> None:
    searching = CapacitySearch(Bounds(start=10))
    searching.take(Step(rate=10, outcome=HOLDS))
    assert repr(searching) == "<CapacitySearch after 1 steps, 10 holds, None is too much>"
    assert searching.capacity.reason == "the search has not come to its end"


def test_json_and_back_is_the_same_capacity() -> None:
    found = search(Bounds(start=10), lambda rate: HOLDS if rate <= 90 else FAILS)
    assert Capacity.from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": 0.01}, "start is out of range: 0.01"),
        ({"start": 1e9}, "start is out of range"),
        ({"start": 10, "tolerance": 0}, "tolerance is out of range: 0"),
    ],
)
def test_bounds_that_cannot_be_searched_are_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Bounds(**given)


def test_where_every_rate_was_too_much_until_steps_tell_nothing_the_last_failure_is_told() -> None:
    found = search(Bounds(start=10), lambda rate: FAILS if rate > 2 else INVALID)
    assert found.rate is None
    assert found.reason.startswith("2.5/s is too much already (")
    assert "), and 3 steps at 1.25/s were invalid, the last: " in found.reason
