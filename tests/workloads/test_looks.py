"""What is seen of a quantity while a load runs."""

from __future__ import annotations

import math
from time import perf_counter

from pytest_roo_load.core.units import Dimension
from pytest_roo_load.workloads.looks import Looks


def test_a_gauge_has_what_was_seen_since_the_load_began_and_once_more_when_it_has_ended() -> None:
    looks = Looks("depth", Dimension.COUNT)
    looks.note(7)
    began = perf_counter()
    looks.note(3)
    ended = perf_counter()
    looks.note(9)

    gauge = looks.gauge(began, ended)

    assert (gauge.name, gauge.dimension) == ("depth", Dimension.COUNT)
    assert [value for _, value in gauge.points] == [3.0, 9.0]
    assert 0 <= gauge.points[0][0] <= gauge.points[1][0] == ended - began
    assert looks.gauge(math.inf, math.inf).points == ()
    assert repr(looks) == "<Looks at the depth, 3 so far>"
