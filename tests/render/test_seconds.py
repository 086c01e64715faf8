import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.histogram import Histogram
from pytest_roo_load.render.seconds import LOWEST_S, STEPS_PER_DECADE, digest

latencies = st.lists(st.floats(1e-6, 3600), max_size=30)


def second(t: int, **operations: list[float]) -> dict[str, Any]:
    parts = {}
    for name, values in operations.items():
        histogram = Histogram()
        histogram.add(values)
        parts[name] = {"ok": histogram.to_dict(), "failed": 0}
    return {"t": t, "phase": "steady", "users": 3, "operations": parts, "resources": {}}


@given(st.lists(latencies, max_size=5))
def test_every_latency_lies_in_the_row_of_its_second(seconds: list[list[float]]) -> None:
    found = digest(second(t, a=values) for t, values in enumerate(seconds))

    assert [int(row.sum()) for row in found.grid] == [len(values) for values in seconds]
    for row, values in zip(found.grid, seconds, strict=True):
        for column in np.flatnonzero(row):
            low = LOWEST_S * 10 ** (int(column) / STEPS_PER_DECADE)
            high = low * 10 ** (1 / STEPS_PER_DECADE)
            assert any(low * 0.998 - 1e-6 <= value <= high * 1.002 + 1e-6 for value in values)


@given(st.lists(latencies, max_size=5))
def test_the_slowest_are_the_slowest(seconds: list[list[float]]) -> None:
    slowest = digest(second(t, a=values) for t, values in enumerate(seconds)).slowest
    everything = sorted((value for values in seconds for value in values), reverse=True)[:15]

    assert [slow.latency_s for slow in slowest] == pytest.approx(everything, rel=1.1e-3, abs=1.1e-6)


def test_the_slowest_are_told_with_what_went_on() -> None:
    (first, *_) = digest([second(0, a=[0.1]), second(7, b=[0.2, 0.4]), second(8, a=[0.3])]).slowest

    assert (first.latency_s, first.operation, first.t, first.phase, first.users) == (0.4, "b", 7, "steady", 3)


def test_a_slow_operation_that_came_first_stays_before_its_equals() -> None:
    slowest = digest(second(t, a=[1.0]) for t in range(40)).slowest

    assert [slow.t for slow in slowest] == list(range(15))


def test_no_seconds_are_an_empty_digest() -> None:
    empty = digest([])

    assert (empty.t, empty.slowest, empty.grid.shape[0]) == ((), (), 0)
    assert math.prod(empty.grid.shape) == 0
