"""The arrivals ahead of a generator, planned, replayed and steered, on virtual time."""

from itertools import count, islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.profiles import (
    Ahead,
    Due,
    RateProfile,
    ahead_of,
    arrival_rate,
    arrival_times,
    constant_users,
    poisson,
    ramping_rate,
    replay,
    spiking_rate,
    users_of,
)
from pytest_roo_load.core.profiles.ahead import SteeredArrivals, numbers_of
from pytest_roo_load.core.trace import Recorded, Trace, parse_trace
from pytest_roo_load.errors import UsageError


def all_of(ahead: Ahead) -> list[Due]:
    found = []
    while (due := ahead.next) is not None:
        found.append(due)
        ahead.pass_on()
    return found


@pytest.mark.parametrize("generators", [1, 2, 3])
@pytest.mark.parametrize("profile", [arrival_rate("50/s", "4 s", max_users=9), poisson("50/s", "4 s", max_users=9)])
def test_generators_together_have_every_planned_arrival_once(profile: object, generators: int) -> None:
    plan = profile.plan()  # type: ignore[attr-defined]
    shares = [all_of(ahead_of(plan.arrivals, 7, (index, generators), 4.0)) for index in range(generators)]
    together = sorted((due for share in shares for due in share), key=lambda due: due.number)
    assert [due.at_s for due in together] == list(arrival_times(plan.arrivals.segments, 7))
    assert [due.number for due in together] == list(range(len(together)))


@given(users=st.integers(1, 12), generators=st.integers(1, 5), index=st.integers(0, 4))
def test_arrivals_go_where_the_user_is_whose_journey_they_are_for(users: int, generators: int, index: int) -> None:
    index %= generators
    own = users_of(users, index, generators)
    plan = arrival_rate("50/s", "1 s", max_users=users).plan()
    assert plan.arrivals is not None
    planned = [due.number for due in all_of(ahead_of(plan.arrivals, 1, (index, generators), 1.0))]
    assert planned == [number for number in range(50) if number % users in own]
    assert list(islice(numbers_of(users, (index, generators)), len(planned))) == planned


TRACE = parse_trace(['{"at": 0, "path": "/a"}', '{"at": 1, "path": "/b"}', '{"at": 4, "path": "/c"}'], "x")


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_a_replay_has_the_requests_of_its_trace_as_much_sooner_as_its_speed_says(speed: float) -> None:
    plan = replay(TRACE, max_users=5, speed=speed).plan()
    assert plan.arrivals is not None
    dues = all_of(ahead_of(plan.arrivals, 1, (0, 1), plan.duration_s))
    assert [(due.at_s * speed, due.request and due.request.path) for due in dues] == [(0, "/a"), (1, "/b"), (4, "/c")]
    assert plan.duration_s == pytest.approx(6 / speed)
    assert [phase.name for phase in plan.phases] == ["steady"]


@given(moments=st.lists(st.floats(0, 100), min_size=1, max_size=40), speed=st.floats(0.1, 50))
def test_a_replay_loses_no_request_and_ends_after_the_last(moments: list[float], speed: float) -> None:
    requests = tuple(Recorded(at_s=at_s - min(moments), method="GET", path="/") for at_s in sorted(moments))
    plan = replay(Trace(source="x", requests=requests), max_users=5, speed=speed).plan()
    assert plan.arrivals is not None
    dues = [due for index in (0, 1) for due in all_of(ahead_of(plan.arrivals, 1, (index, 2), plan.duration_s))]
    assert len(dues) == len(moments)
    assert max(due.at_s for due in dues) < plan.duration_s


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: replay("x.log", max_users=5), "not a trace: 'x.log'"),  # type: ignore[arg-type]
        (lambda: replay(TRACE, max_users=0), "max_users is out of range"),
        (lambda: replay(TRACE, max_users=2, users=3), "users is out of range"),
        (lambda: replay(TRACE, max_users=2, speed=0), "speed is out of range: 0"),
    ],
)
def test_a_replay_that_cannot_be_is_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(UsageError, match=message):
        make()


def test_a_replay_says_what_it_does() -> None:
    assert str(replay(TRACE, max_users=5, speed=2)) == "3 requests of x at 2 × speed, at most 5 users"


def per_second(profile: RateProfile, seconds: int) -> list[int]:
    moments = list(arrival_times(profile.segments, 1))
    return [sum(second <= moment < second + 1 for moment in moments) for second in range(seconds)]


def test_the_table_of_plans_in_the_documentation_is_right() -> None:
    """docs/load-models.md, The plans of the profiles."""
    constant = arrival_rate("50/s", 20, max_users=9, warm_up=4)
    ramp = ramping_rate("100/s", ramp=10, hold=5, max_users=9)
    users = constant_users(5, 20, warm_up=4).plan()
    assert [(phase.name, phase.start_s, phase.end_s) for phase in constant.plan().phases] == [
        ("warm_up", 0, 4),
        ("steady", 4, 24),
    ]
    assert per_second(constant, 24) == [50] * 24
    assert [(phase.name, phase.start_s, phase.end_s) for phase in ramp.plan().phases] == [
        ("ramp", 0, 10),
        ("steady", 10, 15),
    ]
    assert per_second(ramp, 15) == [*(10 * second + 5 for second in range(10)), *[100] * 5]
    spike = spiking_rate("50/s", "900/s", before=8, spike=4, after=9, max_users=9)
    assert [(phase.name, phase.start_s, phase.end_s) for phase in spike.plan().phases] == [
        ("warm_up", 0, 4),
        ("steady", 4, 8),
        ("spike", 8, 12),
        ("recovery", 12, 21),
    ]
    assert per_second(spike, 21) == [*[50] * 8, *[900] * 4, *[50] * 9]
    assert (users.steps[-1].users, users.steps[-1].at_s <= 2) == (5, True)
    assert abs(len(list(arrival_times(poisson("50/s", 20, max_users=9).segments, 1))) - 1000) < 130


# Steered arrivals

BENDS = st.lists(st.tuples(st.floats(0.1, 3), st.floats(0.5, 200)), max_size=6)


@given(rate=st.floats(0.5, 200), bends=BENDS, generators=st.integers(1, 4), users=st.integers(1, 9))
def test_steered_arrivals_are_what_the_rate_sums_up_to(
    rate: float, bends: list[tuple[float, float]], generators: int, users: int
) -> None:
    """Whatever the rates, every number comes once, in order, and no more than the area under the rate."""
    end_s = sum(length for length, _ in bends) + 1.0
    shares = [SteeredArrivals(rate, end_s, numbers_of(users, (index, generators))) for index in range(generators)]
    from_s, area, current = 0.0, 0.0, rate
    for length, following in bends:
        from_s += length
        area, current = area + length * current, following
        for share in shares:
            share.steer(from_s, following)
    area += (end_s - from_s) * current
    dues = sorted((due for share in shares for due in all_of(share)), key=lambda due: due.number)
    assert [due.number for due in dues] == list(range(len(dues)))
    assert abs(len(dues) - area) <= 1 + 1e-6
    assert all(earlier.at_s <= later.at_s for earlier, later in pairwise(dues))


@given(rate=st.floats(1, 100), steps=st.lists(st.floats(1, 100), max_size=8))
def test_steering_while_arrivals_pass_leaves_the_past_as_it_was(rate: float, steps: list[float]) -> None:
    """A rate that is told too late holds from the last arrival on, and none comes before one that has been."""
    steered, moments = SteeredArrivals(rate, 1000.0, count()), []
    for following in steps:
        for _ in range(3):
            due = steered.next
            assert due is not None
            moments.append(due.at_s)
            steered.pass_on()
        steered.steer(moments[-1] - 5.0, following)
        after = steered.next
        assert after is not None
        assert after.at_s == pytest.approx(moments[-1] + 1 / following)
    assert moments == sorted(moments)


def test_a_rate_that_changes_changes_the_distances() -> None:
    steered = SteeredArrivals(10.0, 2.0, count())
    steered.steer(0.5, 2.0)
    assert [round(due.at_s, 6) for due in all_of(steered)] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0, 1.5]
    assert repr(steered) == "<SteeredArrivals at 2/s, next None>"


def test_planned_arrivals_cannot_be_steered() -> None:
    plan = arrival_rate("50/s", "4 s", max_users=9).plan()
    assert plan.arrivals is not None
    with pytest.raises(AssertionError):
        ahead_of(plan.arrivals, 1, (0, 1), 4.0).steer(1.0, 5.0)
