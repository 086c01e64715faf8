import pytest
from core_samples import phase as phase_of
from core_samples import result, tally
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.little import Flying, little

TICK_S = 0.05


def looked_at(intervals: list[tuple[float, float]], offset_s: float) -> Flying:
    """What a generator sees that looks every 50 ms, of operations with these begins and ends in seconds."""
    flying, before = Flying(), 0
    for tick in range(int(15 / TICK_S)):
        moment = offset_s + tick * TICK_S
        now = sum(begin <= moment < end for begin, end in intervals)
        flying.look(before, now, TICK_S)
        before = now
    return flying


@given(
    operations=st.lists(st.tuples(st.floats(0, 10), st.floats(0.0001, 3)), min_size=1, max_size=60),
    offset_s=st.floats(0, TICK_S),
)
def test_what_is_seen_is_what_latencies_add_up_to(operations: list[tuple[float, float]], offset_s: float) -> None:
    flying = looked_at([(begin, begin + latency) for begin, latency in operations], offset_s)
    residence = sum(latency for _, latency in operations)
    assert abs(flying.inside_s - residence) <= 2 * TICK_S * len(operations)


def test_steady_operations_agree() -> None:
    begins = [user * 0.001 + turn * 0.2 for user in range(20) for turn in range(50)]
    flying = looked_at([(begin, begin + 0.2) for begin in begins], 0.01)
    law = little(flying, 20 * 50 * 0.2, 1000, 10.0)
    assert law is not None
    assert law.holds
    assert law.inside == pytest.approx(20, rel=0.01)
    assert law.explained == pytest.approx(20)


@pytest.mark.parametrize("counted", [0.1, 0.7, 1.5])
def test_latencies_that_are_not_what_was_in_flight_are_told(counted: float) -> None:
    """Latencies that leave out waiting, or tell of it twice."""
    flying = looked_at([(turn * 0.2, turn * 0.2 + 0.2) for turn in range(50) for _ in range(20)], 0.01)
    law = little(flying, 200 * counted, 1000, 10.0)
    assert law is not None
    assert not law.holds


def test_looks_may_miss_what_was_in_flight_for_a_short_while_altogether() -> None:
    flying = Flying()
    for _ in range(20):
        flying.look(0, 0, 0.05)
    missed = little(flying, 0.2, 10, 1.0)
    much = little(flying, 2.0, 100, 1.0)
    assert missed is not None
    assert missed.holds
    assert much is not None
    assert not much.holds


def test_nothing_has_no_law() -> None:
    assert little(Flying(), 0.0, 0, 10.0) is None
    assert little(Flying(), 0.0, 5, 0.0) is None


def test_shares_of_generators_add_up() -> None:
    one, other = Flying(), Flying(late_failed_s=2.0)
    one.look(0, 4, 0.5)
    other.look(2, 2, 0.5)
    one.merge(other)
    assert one == Flying(inside_s=2.0, noise=2.0, late_failed_s=2.0)


def test_a_result_tells_where_the_law_does_not_hold() -> None:
    right, wrong = phase_of(login=tally([0.5] * 100)), phase_of(login=tally([0.5] * 100, interrupted=3))
    right.flying.inside_s, wrong.flying.inside_s = 52.0, 90.0
    assert result(right).warnings == ()
    (warning,) = result(wrong).warnings
    assert warning == (
        "Little's law does not hold in phase 'steady': 9 operations were in flight on average, but their rate times "
        "their mean latency makes 5; 3 that never ended have no latency"
    )
    assert result(phase_of(login=tally([0.01] * 10))).steady.little is not None
