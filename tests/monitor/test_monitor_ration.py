from __future__ import annotations

import pytest

from pytest_roo_load.monitor.ration import Ration


def test_what_has_cost_much_is_due_the_later() -> None:
    clock, cost = [10.0], [0.0]
    ration = Ration(0.01, lambda: clock[0], lambda: cost[0])
    assert ration.due
    assert repr(ration) == "<Ration of 1.0%, due>"
    with ration.spending():
        clock[0] += 0.5  # in which others worked
        cost[0] += 0.02
    assert not ration.due
    assert repr(ration) == "<Ration of 1.0%>"
    clock[0] = 11.99
    assert not ration.due
    clock[0] = 12.01
    assert ration.due


def test_what_was_tried_and_failed_has_cost_as_well() -> None:
    clock, cost = [0.0], [0.0]
    ration = Ration(0.1, lambda: clock[0], lambda: cost[0])

    def fail() -> None:
        cost[0] += 1.0
        raise OSError

    with pytest.raises(OSError), ration.spending():  # noqa: PT011 - which one does not matter
        fail()
    clock[0] = 9.9
    assert not ration.due


def test_what_costs_nothing_is_always_due() -> None:
    clock = [1.0]
    ration = Ration(0.01, lambda: clock[0], lambda: 0.0)
    with ration.spending():
        clock[0] += 0.5
    assert ration.due
