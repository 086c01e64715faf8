"""A rate that follows what is measured, on virtual time."""

import math
from collections import deque

import pytest
from core_samples import second
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.feedback import RateControl, feedback_rate
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.errors import UsageError


def control(hold: str = "p95 < 100 ms", start: float = 10.0, highest: float = 10_000.0) -> RateControl:
    return RateControl(objective=parse_objective(hold), start=start, lowest=start / 10, highest=highest)


# The table of docs/load-models.md
@pytest.mark.parametrize(
    ("measured", "factor"),
    [(0.0, 1.15), (0.02, 1.12), (0.05, 1.025), (0.1, 1.0), (0.2, 0.95), (0.5, 0.8), (1.1, 0.5), (10.0, 0.5)],
)
def test_the_rate_follows_the_table(measured: float, factor: float) -> None:
    assert control().next_rate(200.0, [second(0, [measured] * 100)]) == pytest.approx(200 * factor, rel=0.001)


def test_an_error_rate_can_be_held_over_several_seconds() -> None:
    held = control("error_rate < 10 % over 3 s")
    assert held.window == 3
    seconds = [second(0, [0.1] * 90, failed=10), second(1, [0.1] * 80, failed=20), second(2, [0.1] * 70, failed=30)]
    assert held.next_rate(100.0, seconds) == pytest.approx(95)


def test_a_standstill_halves_the_rate_and_a_pause_leaves_it() -> None:
    assert control().next_rate(100.0, [Second(t=0, phase="steady")]) == 50
    assert control().next_rate(2.0, [Second(t=0, phase="steady")]) == 2


@given(rate=st.floats(1, 10_000), measured=st.floats(1e-5, 100))
def test_the_rate_stays_in_its_bounds_and_moves_the_right_way(rate: float, measured: float) -> None:
    following = control().next_rate(rate, [second(0, [measured] * 20)])
    assert 1 <= following <= 10_000
    assert math.copysign(1, following - rate) == math.copysign(1, 0.1 - measured) or following == pytest.approx(
        rate, rel=0.01
    )


@pytest.mark.parametrize("most", [40.0, 300.0, 2000.0])
@pytest.mark.parametrize("delay", [1, 2, 3])
def test_the_rate_settles_where_the_set_point_is_met(most: float, delay: int) -> None:
    """A server whose latency is 10 ms / (1 - load): 100 ms at 90 % of its capacity. Answers tell of `delay` s ago."""
    held, rate, rates = control(start=10.0), 10.0, deque([10.0] * delay, maxlen=delay)
    course = []
    for t in range(240):
        load = min(rates[0] / most, 0.999)
        rate = held.next_rate(rate, [second(t, [0.01 / (1 - load)] * 20)])
        rates.append(rate)
        course.append(rate)
    settled = course[120:]
    assert max(settled) / min(settled) < 1.15
    assert sum(settled) / len(settled) == pytest.approx(0.9 * most, rel=0.07)


def test_the_plan_has_a_warm_up_in_which_the_rate_settles() -> None:
    profile = feedback_rate("p95 < 200 ms", "30 s", max_users=50, rates=("20/s", "10000/s"), settle="5 s")
    plan = profile.plan()
    assert [(phase.name, phase.start_s, phase.end_s) for phase in plan.phases] == [("warm_up", 0, 5), ("steady", 5, 35)]
    assert plan.arrivals is not None
    assert plan.arrivals.steering == profile.control
    assert (profile.control.start, profile.control.lowest, profile.control.highest) == (20, 2, 10_000)
    assert str(profile) == "arrivals held at p95 < 200 ms for 30 s, from 20/s, at most 50 users"
    assert [phase.name for phase in feedback_rate("p95 < 1 s", 1, max_users=1, settle=0).plan().phases] == ["steady"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hold": "p95 > 1 s"}, "not a limit that a rate can be held at: 'p95 > 1 s'"),
        ({"hold": "throughput < 5/s"}, "not a limit that a rate can be held at"),
        ({"hold": "error_rate < 0 %"}, "not a limit that a rate can be held at"),
        ({"hold": "cpu_mean < 5 %"}, "cannot be decided while the load runs"),
        ({"hold": "quick"}, "argument hold: objective 'quick': not an objective"),
        ({"rates": ("10/s", "5/s")}, "the highest of rates is below the first"),
        ({"max_users": 0}, "max_users is out of range"),
        ({"settle": -1}, "settle is out of range"),
    ],
)
def test_what_cannot_be_held_is_refused(given: dict[str, object], message: str) -> None:
    settings: dict[str, object] = {"hold": "p95 < 1 s", "max_users": 5} | given
    with pytest.raises(UsageError) as told:
        feedback_rate(settings.pop("hold"), "5 s", **settings)  # type: ignore[arg-type]
    assert message in str(told.value)
