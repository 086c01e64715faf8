"""Open profiles: when arrivals happen."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from pytest_roo_load.core.profiles import (
    RateProfile,
    arrival_rate,
    arrival_times,
    constant_users,
    poisson,
    ramping_rate,
    spiking_rate,
)
from pytest_roo_load.errors import UsageError


def times(profile: RateProfile, seed: int = 1) -> list[float]:
    return list(arrival_times(profile.segments, seed))


def test_a_constant_rate_is_even_and_exact() -> None:
    found = times(arrival_rate("200/s", "60 s", max_users=10))
    assert len(found) == 12_000
    assert found[:3] == pytest.approx([0, 0.005, 0.01])
    assert max(later - earlier for earlier, later in itertools.pairwise(found)) == pytest.approx(0.005)


@given(rate=st.floats(0.5, 500), length=st.floats(0.5, 30), start=st.floats(0, 500), hold=st.floats(0.5, 10))
def test_a_ramp_has_the_area_under_its_line(rate: float, length: float, start: float, hold: float) -> None:
    found = times(ramping_rate(rate, start=start, ramp=length, hold=hold, max_users=1))
    assert abs(len(found) - ((start + rate) / 2 * length + rate * hold)) <= 1
    assert found == sorted(found)
    assert not found or found[0] >= 0
    assert not found or found[-1] <= length + hold + 1e-6


def test_a_ramp_from_nothing_reaches_its_rate() -> None:
    found = times(ramping_rate("100/s", ramp="10 s", hold="5 s", max_users=1))
    per_second = [sum(1 for moment in found if second <= moment < second + 1) for second in range(15)]
    assert per_second == [5, 15, 25, 35, 45, 55, 65, 75, 85, 95, 100, 100, 100, 100, 100]


def test_poisson_gaps_are_exponential_and_come_from_the_seed() -> None:
    profile = poisson("100/s", "60 s", max_users=1)
    found = times(profile, seed=7)
    gaps = [later - earlier for earlier, later in itertools.pairwise(found)]
    assert kstest(gaps, "expon", args=(0, 0.01)).pvalue > 0.01
    assert abs(len(found) - 6000) < 4 * 6000**0.5
    assert found == times(profile, seed=7) != times(profile, seed=8)


def test_a_spike_has_its_phases_and_the_same_rate_around_it() -> None:
    profile = spiking_rate("10/s", "300/s", before="4 s", spike="2 s", after="3 s", max_users=7)
    plan = profile.plan()
    assert [(phase.name, phase.start_s, phase.end_s) for phase in plan.phases] == [
        ("warm_up", 0, 2), ("steady", 2, 4), ("spike", 4, 6), ("recovery", 6, 9),
    ]  # fmt: skip
    found = times(profile)
    assert [sum(begin <= moment < end for moment in found) for begin, end in ((0, 4), (4, 6), (6, 9))] == [40, 600, 30]
    assert str(profile) == "10/s arrivals with a spike of 300/s for 2 s, at most 7 users"


def test_profiles_follow_each_other() -> None:
    both = ramping_rate("10/s", ramp="2 s", hold="2 s", max_users=3).then(
        arrival_rate("600/min", "4 s", max_users=9, users=2)
    )
    plan = both.plan()
    assert [phase.name for phase in plan.phases] == ["ramp", "steady", "steady 2"]
    assert plan.arrivals is not None
    assert (plan.arrivals.users, plan.arrivals.max_users, plan.peak_users) == (3, 9, 9)
    assert len(times(both)) == 10 + 20 + 40


def test_the_warm_up_has_the_same_rate() -> None:
    plan = arrival_rate("50/s", "2 s", max_users=4, users=1, warm_up="1 s").plan()
    assert [(phase.name, phase.start_s, phase.end_s) for phase in plan.phases] == [("warm_up", 0, 1), ("steady", 1, 3)]
    assert plan.arrivals is not None
    assert len(list(arrival_times(plan.arrivals.segments, 1))) == 150


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: arrival_rate(0, 1, max_users=1), "rate is out of range: 0"),
        (lambda: arrival_rate("10 s", 1, max_users=1), "argument rate: not a unit of rate: '10 s'"),
        (lambda: arrival_rate(None, 1, max_users=1), "rate is no rate: None"),  # type: ignore[arg-type]
        (lambda: arrival_rate(1, 0, max_users=1), "duration is out of range: 0"),
        (lambda: arrival_rate(1, 1, max_users=0), "max_users is out of range: 0"),
        (lambda: arrival_rate(1, 1, max_users=5, users=6), "users is out of range: 6"),
        (lambda: poisson(1e9, 1, max_users=5), "rate is out of range: 1000000000.0"),
        (lambda: spiking_rate(5, 5, before=1, spike=1, after=1, max_users=1), "peak is out of range: 5"),
        (lambda: arrival_rate(1, 1, max_users=1).then(constant_users(1, 1)), "cannot follow each other"),  # type: ignore[arg-type]
    ],
)
def test_bad_input_is_named(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(UsageError) as told:
        make()
    assert message in str(told.value)
