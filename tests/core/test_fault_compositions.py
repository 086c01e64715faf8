"""Schedules from TOML, repeated ones, random ones, and the steady-state hypothesis."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf
from random import Random

import pytest
from core_samples import of_seconds
from hypothesis import given
from hypothesis import strategies as st
from test_fault_recovery import objectives, outage, seconds

from pytest_roo_load.core.faults.compose import random_schedule
from pytest_roo_load.core.faults.schedule import Schedule
from pytest_roo_load.core.faults.steady_state import steady_state
from pytest_roo_load.core.faults.toml import VERBS, parse_schedule
from pytest_roo_load.core.recording import PhaseRecording
from pytest_roo_load.core.statistics import PhaseResult
from pytest_roo_load.errors import UsageError

OUTAGE = Schedule().at(2).kill("redis").then_after(3).restart("redis")
BLINK = Schedule().at(0).pause("ccs", duration="500 ms")


def test_an_outage_again_and_again() -> None:
    again = OUTAGE.repeated(times=3, every="10 s")
    assert [(fault.verb, fault.at_s, fault.until_s) for fault in again.faults] == [
        ("kill", 2, 5), ("kill", 12, 15), ("kill", 22, 25),
    ]  # fmt: skip
    assert again.then_after(1).kill("redis").faults[-1].at_s == 26


@pytest.mark.parametrize(
    ("times", "every", "told"),
    [(2, 3, "begin again before they have ended"), (0, 9, "times is out of range"), (2, 0, "every is out of range")],
)
def test_what_cannot_be_repeated(times: int, every: float, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        OUTAGE.repeated(times=times, every=every)


@given(seed=st.integers(), count=st.integers(1, 8))
def test_random_schedules_fit_and_never_overlap(seed: int, count: int) -> None:
    made = random_schedule((OUTAGE, BLINK), count=count, between=(5, 60), random=Random(seed))
    assert made == random_schedule((OUTAGE, BLINK), count=count, between=(5, 60), random=Random(seed))
    assert len(made.faults) == count
    assert made.faults[0].at_s >= 5
    assert all((one.until_s or 0) <= other.at_s + 1e-9 for one, other in pairwise(made.faults))
    assert (made.faults[-1].until_s or 0) <= 60 + 1e-9


def test_random_and_repeated_schedules_keep_their_probability() -> None:
    some = Schedule().at(0).partition("redis", duration=1, probability="30 %")
    made = random_schedule((some,), count=2, between=(0, 9), random=Random(1))
    assert [fault.settings["probability"] for fault in (*made.faults, *some.repeated(times=2, every=2).faults)] == [
        0.3
    ] * 4


def test_random_schedules_draw_from_the_whole_menu() -> None:
    verbs = {
        fault.verb
        for seed in range(20)
        for fault in random_schedule((OUTAGE, BLINK), count=2, between=(0, 30), random=Random(seed)).faults
    }
    assert verbs == {"kill", "pause"}


@pytest.mark.parametrize(
    ("menu", "between", "told"),
    [((), (0, 9), "nothing to choose from"), ((OUTAGE,), (0, 5), "do not fit"), ((Schedule(),), (0, 9), "nothing to")],
)
def test_random_schedules_that_cannot_be(menu: tuple[Schedule, ...], between: tuple[float, float], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        random_schedule(menu, count=2, between=between, random=Random(1))


def test_a_schedule_from_toml_is_the_one_that_is_said() -> None:
    text = """
        [[fault]]
        at = "2 s"
        do = "kill"
        target = "redis"
        [[fault]]
        after = 3
        do = "restart"
        target = "redis"
        [[fault]]
        after = "1 s"
        do = "slow"
        link = "postgres"
        latency = "200 ms"
        duration = "2 s"
        probability = "30 %"
    """
    said = OUTAGE.then_after("1 s").slow("postgres", latency="200 ms", duration="2 s", probability="30 %")
    assert parse_schedule(text, "faults.toml") == said


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[fault", "faults.toml: not TOML"),
        ("", "faults.toml: not a schedule: 'no fault'"),
        ("x = 1", "faults.toml: not a schedule: ['x']"),
        ('[[fault]]\nat = 1\ndo = "kil"\ntarget = "redis"', "faults.toml: fault 1: no such verb: 'kil'"),
        ('[[fault]]\nat = 1\ndo = "kil"\ntarget = "redis"', "did you mean kill?"),
        ('[[fault]]\ndo = "kill"\ntarget = "redis"', "fault 1: when it happens is not clear"),
        ('[[fault]]\nat = 1\nafter = 1\ndo = "kill"', "fault 1: when it happens is not clear"),
        ('[[fault]]\nat = 1\ndo = "kill"', "fault 1: kill needs an argument: 'target'"),
        ('[[fault]]\nat = 1\ndo = "kill"\ntarget = "redis"\nhard = true', "fault 1: kill has no such argument: 'hard'"),
        ('[[fault]]\nat = 1\ndo = "slow"\nlink = "ccs"\nshare = 1', "fault 1: slow has no such argument: 'share'"),
        ('[[fault]]\nat = 1\ndo = "slow"\nlink = "ccs"', "fault 1: slow needs an argument: 'latency'"),
        (
            '[[fault]]\nat = 1\ndo = "cut"\nlink = "ccs"\nprobability = "1 %"',
            "fault 1: cut has no such argument: 'probability'",
        ),
        ('[[fault]]\nat = "soon"\ndo = "kill"\ntarget = "redis"', "fault 1, argument moment: not a quantity"),
    ],
)
def test_toml_that_cannot_be_used(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_schedule(text, "faults.toml")
    assert told in str(caught.value)


def test_every_verb_can_be_said_in_toml() -> None:
    assert {"kill", "restart", "slow", "cut", "hog_cpu", "lock_tables", "heal", "fill_disk"} <= set(VERBS)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("ggbbggggg", {"before": (2, 2), "during": (2, 0), "after": (5, 5)}),
        ("ggggggggg", {"before": (2, 2), "during": (2, 2), "after": (5, 5)}),
        ("gbbbbggggb", {"before": (2, 1), "during": (3, 0), "after": (5, 4)}),
        ("ggbbbbbbb", {"before": (2, 2), "during": (7, 0), "after": (0, 0)}),
    ],
)
def test_the_service_level_before_during_and_after(pattern: str, expected: dict[str, tuple[int, int]]) -> None:
    result = of_seconds(seconds(pattern), faults=(outage(),))
    found = steady_state(result.faults, result.recoveries, seconds(pattern), objectives("error_rate < 1 %"))
    assert {one.name: (one.seconds, one.held) for one in found} == expected
    assert [one.holds for one in found] == [0 < number == held for number, held in expected.values()]
    assert bool(found[1].first_broken) == ("b" in pattern[2:4])


def test_the_last_second_counts_when_a_timer_ended_the_load_a_little_early() -> None:
    whole = of_seconds(seconds("ggbbbgggb"), faults=(outage(),))
    assert whole.recovery_time == 1.0
    early = PhaseResult("steady", 0.0, 7.999, PhaseRecording())
    assert replace(whole, phases={"steady": early}).recovery_time == 1.0
    assert replace(whole, phases={"steady": PhaseResult("steady", 0.0, 7.5, PhaseRecording())}).recovery_time == inf


def test_a_fault_that_did_not_take_hold_has_no_before_and_after() -> None:
    missed = replace(outage(ended=None), problem="it did not take hold: no process of redis runs")
    assert of_seconds(seconds("ggbbggg"), faults=(missed,)).steady_state == ()
    late = replace(missed, began_s=1.0)
    assert of_seconds(seconds("ggbbgggg"), faults=(late, outage())).steady_state[0].seconds == 2


def test_without_faults_there_is_no_before_and_after() -> None:
    assert of_seconds(seconds("ggg")).steady_state == ()
