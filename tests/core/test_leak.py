from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.leak import LeakLimits, growth_of
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError

SPAN_S = 600
WARM_UP_S = 60.0
FAULT = (300.0, 345.0)
LIMITS = LeakLimits(warm_up_s=WARM_UP_S, masks=(FAULT,))
MB = 1e6

Points = list[tuple[float, float]]


def process(seed: int, *, leak_mb_per_s: float = 0.0) -> Points:
    """Ten minutes of a process: warm-up, a collector's sawtooth, noise, a cache that fills, a fault."""
    draw = random.Random(seed)
    base = draw.uniform(60, 400)
    tooth, period = draw.uniform(0, 60), draw.uniform(5, 70)
    tau, rise = draw.uniform(5, 40), draw.uniform(0, 150)
    noise = draw.uniform(0.05, 2.5)
    cache, full_at = draw.choice([0.0, 0.0, draw.uniform(5, 40)]), draw.uniform(WARM_UP_S, 400)
    phase = draw.random()
    points = []
    for second in range(SPAN_S):
        value = base + rise * (1 - math.exp(-second / tau)) + leak_mb_per_s * second
        value += tooth * ((second / period + phase) % 1) + draw.gauss(0, noise)
        value += cache if second > full_at else 0
        value += draw.uniform(50, 200) if FAULT[0] <= second <= FAULT[1] else 0
        points.append((float(second), max(1.0, value) * MB))
    return points


def test_leaks_are_told_from_healthy_processes() -> None:
    draw = random.Random(1)
    leaking = [process(seed, leak_mb_per_s=draw.uniform(0.05, 0.5)) for seed in range(100)]
    healthy = [process(1000 + seed) for seed in range(100)]
    found = sum(growth_of(points, LIMITS).verdict is Verdict.FAIL for points in leaking)
    false = sum(growth_of(points, LIMITS).verdict is Verdict.FAIL for points in healthy)
    assert found >= 95
    assert false <= 5


def test_the_slope_is_that_of_the_leak() -> None:
    growth = growth_of([(float(t), 100 * MB + 0.3 * MB * t) for t in range(300)])
    assert growth.verdict is Verdict.FAIL
    assert growth.per_second == pytest.approx(0.3 * MB)
    assert growth.total == pytest.approx(0.3 * MB * 299)
    assert growth.chance < 0.01


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("flat", [(float(t), 5.0) for t in range(100)]),
        ("a step", [(float(t), 50 * MB if t < 50 else 90 * MB) for t in range(100)]),
        ("it levels off", [(float(t), 90 * MB * (1 - math.exp(-t / 15))) for t in range(200)]),
        ("it shrinks", [(float(t), 900 * MB - t * MB) for t in range(100)]),
        ("too small to matter", [(float(t), 100 * MB + t * 1000) for t in range(100)]),
    ],
)
def test_what_is_no_leak(name: str, points: Points) -> None:
    assert growth_of(points).verdict is Verdict.PASS, name


def test_few_points_are_no_data() -> None:
    steep = [(float(t), t * 10 * MB) for t in range(15)]
    assert growth_of(steep).verdict is Verdict.NO_DATA
    assert growth_of([*steep, (15.0, 150 * MB)]).verdict is Verdict.FAIL
    assert growth_of([], LIMITS).verdict is Verdict.NO_DATA


def test_what_is_masked_is_not_looked_at() -> None:
    points = [(float(t), 100 * MB + (t * MB if 20 <= t <= 60 else 0)) for t in range(80)]
    assert growth_of(points, LeakLimits(masks=((20, 60),))).points == 39
    assert growth_of(points, LeakLimits(warm_up_s=30)).points == 50


def test_what_an_idle_process_grows_by_is_taken_off() -> None:
    def growing(per_second: float) -> Points:
        return [(float(t), 100 * MB + per_second * MB * t) for t in range(200)]

    assert growth_of(growing(0.3), control=growing(0.3)).verdict is Verdict.PASS
    assert growth_of(growing(0.3), control=growing(0.1)).per_second == pytest.approx(0.2 * MB)
    assert growth_of(growing(0.3), control=[(0.0, 1.0)]).verdict is Verdict.FAIL


@given(st.lists(st.floats(0, 1e9), max_size=60))
def test_any_numbers_are_judged(values: list[float]) -> None:
    growth = growth_of([(float(second), value) for second, value in enumerate(values)])
    assert (growth.verdict is Verdict.NO_DATA) == (len(values) < 16)
    assert 0 <= growth.chance <= 1


def test_limits_out_of_range_are_named_together() -> None:
    with pytest.raises(UsageError, match=r"chance=2 .*share=-1 "):
        LeakLimits(chance=2, share=-1)
