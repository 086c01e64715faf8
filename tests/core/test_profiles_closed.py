"""Closed profiles: their plans are the documented tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.profiles import (
    Plan,
    UsersProfile,
    constant_users,
    is_steady,
    iterations,
    ramping_users,
    soak,
    spike,
    stairs,
)
from pytest_roo_load.errors import UsageError


def table(plan: Plan) -> tuple[list[tuple[str, float, float]], list[tuple[float, int]]]:
    return (
        [(phase.name, phase.start_s, phase.end_s) for phase in plan.phases],
        [(step.at_s, step.users) for step in plan.steps],
    )


def users_at(plan: Plan, moment: float) -> int:
    return [step.users for step in plan.steps if step.at_s <= moment][-1]


@pytest.mark.parametrize(
    ("profile", "phases", "steps"),
    [
        (
            ramping_users(4, ramp="4 s", hold="2 s", cool_down="2 s"),
            [("ramp", 0, 4), ("steady", 4, 6), ("cool_down", 6, 8)],
            [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (6.5, 3), (7, 2), (7.5, 1), (8, 0)],
        ),
        (
            ramping_users(1, ramp="2 s", hold="1 s", start=3),
            [("ramp", 0, 2), ("steady", 2, 3)],
            [(0, 3), (1, 2), (2, 1)],
        ),
        (
            stairs(10, 35, by=10, each="5 s"),
            [("10 users", 0, 5), ("20 users", 5, 10), ("30 users", 10, 15), ("35 users", 15, 20)],
            [(0, 10), (5, 20), (10, 30), (15, 35)],
        ),
        (
            spike(10, 200, before="3 s", spike="1 s", after="4 s"),
            [("steady", 0, 3), ("spike", 3, 4), ("recovery", 4, 8)],
            [(0, 10), (3, 200), (4, 10)],
        ),
        (soak(2, "1 h", warm_up="4 s"), [("warm_up", 0, 4), ("steady", 4, 3604)], [(0, 1), (1, 2)]),
        (
            constant_users(2, "3 s").then(constant_users(5, "3 s")).then(constant_users(5, "1 s")),
            [("steady", 0, 3), ("steady 2", 3, 6), ("steady 3", 6, 7)],
            [(0, 2), (3, 5)],
        ),
    ],
    ids=str,
)
def test_a_plan_is_its_table(
    profile: UsersProfile, phases: list[tuple[str, float, float]], steps: list[tuple[float, int]]
) -> None:
    assert table(profile.plan()) == (phases, steps)


@given(
    users=st.integers(1, 400), start=st.integers(0, 400), ramp=st.floats(0.1, 600), hold=st.floats(0.1, 600),
    moment=st.floats(0, 1),
)  # fmt: skip
def test_a_ramp_is_a_line_to_the_user(users: int, start: int, ramp: float, hold: float, moment: float) -> None:
    plan = ramping_users(users, start=start, ramp=ramp, hold=hold).plan()
    line = start + (users - start) * moment
    assert abs(users_at(plan, ramp * moment) - line) <= 1 + 1e-6
    assert users_at(plan, ramp + hold / 2) == users
    assert plan.peak_users == max(users, start)


@given(first=st.integers(1, 50), by=st.integers(1, 50), more=st.integers(1, 300), each=st.floats(0.1, 60))
def test_stairs_hold_every_level_for_its_time(first: int, by: int, more: int, each: float) -> None:
    plan = stairs(first, first + more, by=by, each=each).plan()
    for phase in plan.phases:
        middle = (phase.start_s + phase.end_s) / 2
        assert f"{users_at(plan, middle)} users" == phase.name
        assert is_steady(phase.name)
    assert plan.phases[-1].name == f"{first + more} users"


def test_what_objectives_look_at_by_default() -> None:
    names = ["steady", "steady 2", "20 users", "ramp", "ramp 2", "spike", "recovery", "cool_down", "warm_up", "fault"]
    assert [name for name in names if is_steady(name)] == ["steady", "steady 2", "20 users"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ramping_users(0, ramp=1, hold=1), "users is out of range: 0"),
        (lambda: ramping_users(1, ramp=0, hold=1), "ramp is out of range: 0"),
        (lambda: ramping_users(1, ramp=1, hold=0), "hold is out of range: 0"),
        (lambda: ramping_users(1, ramp=1, hold=1, start=-1), "start is out of range: -1"),
        (lambda: stairs(5, 5, by=1, each=1), "last is out of range: 5"),
        (lambda: stairs(1, 5, by=0, each=1), "by is out of range: 0"),
        (lambda: spike(5, 5, before=1, spike=1, after=1), "peak is out of range: 5"),
        (lambda: spike(5, 6, before=1, spike="1 parsec", after=1), "1 parsec"),
        (lambda: constant_users(1, 1).then(iterations(1)), "cannot follow each other"),
        (lambda: iterations(1).then(constant_users(1, 1)), "cannot follow each other"),
        (lambda: constant_users(1, 1).then(5), "cannot follow each other"),  # type: ignore[arg-type]
    ],
)
def test_bad_input_is_named(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(UsageError) as told:
        make()
    assert message in str(told.value)
