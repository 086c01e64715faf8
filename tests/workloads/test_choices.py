from __future__ import annotations

from typing import Any

import pytest

from pytest_roo_load.errors import UsageError
from pytest_roo_load.workloads.choices import Pace, chosen, in_range, one_of


@pytest.mark.parametrize(
    ("pace", "text"),
    [
        (Pace(), "8 users for 10 s"),
        (Pace(clients=3, duration="2 s", warm_up="1 s"), "3 users for 2 s, after a warm-up of 1 s"),
        (Pace(count=50), "50 iterations by 8 users"),
        (Pace(rate="5/s", warm_up=0), "5/s arrivals for 10 s, at most 8 users"),
    ],
)
def test_a_pace_is_a_profile(pace: Pace, text: str) -> None:
    assert str(pace.profile()) == text


def test_a_number_of_iterations_has_more_time_than_a_load_that_goes_by_time() -> None:
    assert Pace(count=50).profile().plan().duration_s == 600
    assert Pace(count=50, duration="3 s").profile().plan().duration_s == 3


def test_clients_have_a_second_to_connect_before_a_rate_is_judged() -> None:
    phases = Pace(rate="5/s", duration="3 s").profile().plan().phases

    assert [(phase.name, phase.start_s, phase.end_s) for phase in phases] == [("warm_up", 0, 1), ("steady", 1, 4)]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"rate": "5/s", "count": 3}, "these exclude each other"),
        ({"clients": 0}, r"clients is out of range: 0 \(allowed: a whole number from 1 to 100,000\)"),
        ({"clients": True}, "clients is out of range"),
        ({"duration": "soon"}, "argument duration"),
    ],
)
def test_a_pace_that_cannot_be_is_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Pace(**wrong).profile()


def test_choices_are_shared_out_and_unknown_ones_are_refused() -> None:
    assert chosen(Pace, {"clients": 3, "scale": 5}, also=("scale",)) == Pace(clients=3)
    with pytest.raises(UsageError, match=r"unknown argument: 'durations'.*did you mean duration?"):
        chosen(Pace, {"durations": 3})


def test_ranges_and_words_are_told() -> None:
    in_range("share", 0.5, 0.0, 1.0)
    in_range("share", 1, 0.0, 1.0)
    with pytest.raises(UsageError, match=r"share is out of range: '1' \(allowed: a number from 0.0 to 1.0\)"):
        in_range("share", "1", 0.0, 1.0)
    one_of("colour", "red", ("red", "green"))
    with pytest.raises(UsageError, match=r"colour is not known: 'gren' \(allowed: red, green\); did you mean green?"):
        one_of("colour", "gren", ("red", "green"))
