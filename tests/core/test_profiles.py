from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.profiles import Phase, Plan, Profile, Step, constant_users, iterations, users_of
from pytest_roo_load.engine.quota import share_of
from pytest_roo_load.errors import UsageError

lengths = st.floats(0.001, 36_000)
profiles: st.SearchStrategy[Profile] = st.one_of(
    st.builds(
        constant_users, st.integers(1, 300), lengths, warm_up=st.one_of(st.just(0), lengths), graceful_stop=lengths
    ),
    st.builds(
        iterations,
        st.integers(1, 10**9),
        users=st.integers(1, 300),
        warm_up=st.one_of(st.just(0), lengths),
        max_duration=lengths,
    ),
)


@given(profile=profiles)
def test_phases_follow_each_other_without_gaps_and_end_steady(profile: Profile) -> None:
    plan = profile.plan()
    ends = [0.0, *(phase.end_s for phase in plan.phases)]

    assert [phase.start_s for phase in plan.phases] == ends[:-1]
    assert all(phase.end_s > phase.start_s for phase in plan.phases)
    assert plan.phases[-1].name == "steady"
    assert plan.duration_s == ends[-1]


@given(profile=profiles)
def test_steps_are_in_order_and_all_users_are_there_by_the_middle_of_the_warm_up(profile: Profile) -> None:
    plan = profile.plan()
    moments = [step.at_s for step in plan.steps]
    users = [step.users for step in plan.steps]
    steady = plan.phases[-1]

    assert moments[0] == 0
    assert moments == sorted(moments)
    assert users == sorted(set(users))
    assert users[-1] == plan.peak_users
    assert moments[-1] <= steady.start_s / 2


def test_a_plan_as_a_table() -> None:
    assert constant_users(4, "20 s", warm_up="8 s", graceful_stop="3 s").plan() == Plan(
        phases=(Phase(name="warm_up", start_s=0, end_s=8), Phase(name="steady", start_s=8, end_s=28)),
        steps=tuple(Step(at_s=at, users=users) for at, users in [(0, 1), (1, 2), (2, 3), (3, 4)]),
        quota=None,
        graceful_stop_s=3,
    )


def test_without_warm_up_everything_is_steady_and_all_users_start_at_once() -> None:
    plan = constant_users(50, "2 min").plan()

    assert plan.phases == (Phase(name="steady", start_s=0, end_s=120),)
    assert plan.steps == (Step(at_s=0, users=50),)
    assert plan.graceful_stop_s == 10


def test_iterations_have_a_quota_and_a_longest_duration() -> None:
    plan = iterations(1000, users=7).plan()

    assert (plan.quota, plan.peak_users, plan.duration_s) == (1000, 7, 600)


def test_each_second_has_the_phase_that_it_begins_in() -> None:
    plan = constant_users(1, "5 s", warm_up="2.5 s").plan()

    assert [plan.phase_at(second) for second in (0, 2, 2.5, 7, 7.5, 100)] == [
        "warm_up", "warm_up", "steady", "steady", "steady", "steady",
    ]  # fmt: skip


@given(total=st.integers(0, 500), generators=st.integers(1, 40))
def test_every_user_has_one_generator_and_shares_differ_by_one_at_most(total: int, generators: int) -> None:
    shares = [users_of(total, index, generators) for index in range(generators)]
    sizes = [len(share) for share in shares]

    assert sorted(user for share in shares for user in share) == list(range(total))
    assert max(sizes) - min(sizes) <= 1


@given(quota=st.integers(0, 10_000), generators=st.integers(1, 40))
def test_shares_of_the_iterations_add_up_and_differ_by_one_at_most(quota: int, generators: int) -> None:
    shares = [share_of(quota, index, generators) or 0 for index in range(generators)]

    assert sum(shares) == quota
    assert max(shares) - min(shares) <= 1
    assert share_of(None, 0, generators) is None


@pytest.mark.parametrize("users", [0, -1, 1_000_001, 1.5, "10", True, None])
def test_users_out_of_range_are_refused_by_name(users: int) -> None:
    makes: list[Callable[[], object]] = [lambda: constant_users(users, "1 s"), lambda: iterations(1, users=users)]
    for make in makes:
        with pytest.raises(UsageError) as caught:
            make()
        assert (caught.value.problem, caught.value.value) == ("users is out of range", users)
        assert caught.value.allowed == "a whole number from 1 to 1,000,000"


@pytest.mark.parametrize("name", ["duration", "warm_up", "graceful_stop"])
@pytest.mark.parametrize("value", ["-1 s", "10", "soon", float("nan"), None])
def test_durations_out_of_range_are_refused_by_name(name: str, value: str | float) -> None:
    arguments: dict[str, str | float] = {"duration": 1, name: value}

    with pytest.raises(UsageError, match=name):
        constant_users(1, arguments.pop("duration"), **arguments)


@pytest.mark.parametrize("nothing", [0, "0 s", "0"])
def test_a_load_lasts_longer_than_nothing(nothing: str | float) -> None:
    with pytest.raises(UsageError, match="duration is out of range"):
        constant_users(1, nothing)
    with pytest.raises(UsageError, match="max_duration is out of range"):
        iterations(1, max_duration=nothing)


@pytest.mark.parametrize("count", [0, -5, 1_000_000_001, 2.0])
def test_a_count_out_of_range_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match="count is out of range"):
        iterations(count)


def test_profiles_in_words() -> None:
    assert str(constant_users(50, "20 s", warm_up=3)) == "50 users for 20 s, after a warm-up of 3 s"
    assert str(constant_users(2, "10 min")) == "2 users for 10 min"
    assert str(iterations(200, users=4, warm_up="500 ms")) == "200 iterations by 4 users, after a warm-up of 500 ms"
