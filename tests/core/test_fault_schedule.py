"""Schedules as they are written, and the phases that they make."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.chaos.datagram_toxics import DATAGRAM_TOXICS
from pytest_roo_load.chaos.toxics import TOXICS, make
from pytest_roo_load.core.faults.fault import Fault, FaultRecord
from pytest_roo_load.core.faults.link_table import DATAGRAM_VERBS, DOWN, LINK_VERBS, STREAM_VERBS
from pytest_roo_load.core.faults.phases import with_faults
from pytest_roo_load.core.faults.schedule import Moment, Schedule
from pytest_roo_load.core.profiles import Plan, Profile, constant_users, iterations, ramping_users, stairs
from pytest_roo_load.errors import UsageError


def phases_of(plan: Plan) -> list[tuple[str, float, float]]:
    return [(phase.name, phase.start_s, phase.end_s) for phase in plan.phases]


def test_an_outage() -> None:
    outage = Schedule().at("5 s").kill("redis").then_after("5 s").restart("redis")
    assert outage.faults == (Fault(verb="kill", target="redis", at_s=5, until_s=10),)
    assert str(outage) == "kill redis at 5 s until 10 s"


def test_a_restart_ends_what_was_killed_and_is_a_fault_of_its_own_otherwise() -> None:
    twice = Schedule().at(1).kill("redis").at(2).restart("redis").then_after(3).restart("redis")
    assert [(fault.verb, fault.at_s, fault.until_s) for fault in twice.faults] == [("kill", 1, 2), ("restart", 5, None)]


def test_a_restart_leaves_other_targets_as_they_are() -> None:
    both = Schedule().at(1).kill("redis").at(1).kill("postgres").then_after(1).restart("redis")
    assert {fault.target: fault.until_s for fault in both.faults} == {"redis": 2, "postgres": None}


def test_a_slow_restart_is_told_to_what_it_mends() -> None:
    (fault,) = Schedule().at(1).kill("ccs").then_after(1).restart("ccs", slow="2 s").faults
    assert fault.settings == {"slow_s": 2.0}
    assert str(fault) == "kill ccs (slow_s 2)"


def test_pauses() -> None:
    first = Schedule().at("1 s").pause("postgres", duration="500 ms")
    assert first.then_after(1).pause("ccs-2").then_after(1).resume("ccs-2").faults == (
        Fault(verb="pause", target="postgres", at_s=1, until_s=1.5),
        Fault(verb="pause", target="ccs-2", at_s=2.5, until_s=3.5),
    )


def test_a_crash_loop_lasts_as_long_as_its_crashes() -> None:
    (fault,) = Schedule().at(2).crash_loop("ccs", times=4, every="500 ms").faults
    assert (fault.until_s, fault.settings) == (4.0, {"times": 4, "every_s": 0.5})


LINK_FAULTS: dict[str, Callable[[Moment], Schedule]] = {
    "slow": lambda at: at.slow("redis", latency="200 ms", jitter="50 ms"),
    "throttle": lambda at: at.throttle("postgres", rate="1 MB", direction="both"),
    "lose": lambda at: at.lose("ccs", rate="5 %", burst=3),
    "stall": lambda at: at.stall("ccs", close_after="1 s"),
    "partition": lambda at: at.partition("redis", direction="upstream"),
    "reset": lambda at: at.reset("ccs"),
    "close_slowly": lambda at: at.close_slowly("ccs", delay="1 s"),
    "close_after": lambda at: at.close_after("ccs", size="10 KB"),
    "slice": lambda at: at.slice("ccs", size="16 B", pause="1 ms"),
    "corrupt": lambda at: at.corrupt("ccs", rate="0.1 %"),
    "duplicate": lambda at: at.duplicate("telemetry", rate="5 %"),
    "reorder": lambda at: at.reorder("telemetry", rate="5 %", delay="20 ms", direction="upstream"),
    "cut": lambda at: at.cut("postgres"),
}
OWN = {
    "slow": {"latency": "1 s"},
    "throttle": {"rate": "1 MB"},
    "lose": {"rate": "5 %"},
    "close_slowly": {"delay": "1 s"},
    "close_after": {"size": "1 KB"},
    "slice": {"size": "1 B"},
    "corrupt": {"rate": "1 %"},
}


@pytest.mark.parametrize("verb", LINK_VERBS)
def test_every_verb_of_links_makes_a_toxic_that_there_is(verb: str) -> None:
    broken = LINK_FAULTS[verb](Schedule().at(1))
    (fault,) = broken.faults
    assert (fault.verb, fault.until_s, broken.needs_links) == (verb, None, fault.target != "telemetry")
    settings = dict(fault.settings)
    assert settings.pop("direction", "both") in ("upstream", "downstream", "both")
    for kinds, verbs in ((TOXICS, set(STREAM_VERBS) - {DOWN}), (DATAGRAM_TOXICS, DATAGRAM_VERBS)):
        if verb in verbs:
            make(kinds, LINK_VERBS[verb], settings)
    assert broken.then_after(2).heal(fault.target).faults[0].until_s == 3


def test_the_settings_of_a_link_are_in_base_units() -> None:
    (slow,) = LINK_FAULTS["slow"](Schedule().at(1)).faults
    assert slow.settings == {"latency_s": 0.2, "jitter_s": 0.05}
    (reordered,) = LINK_FAULTS["reorder"](Schedule().at(1)).faults
    assert reordered.settings == {"direction": "upstream", "rate": 0.05, "delay_s": 0.02}
    (lossy,) = LINK_FAULTS["lose"](Schedule().at(1)).faults
    assert lossy.settings["rate"] == 0.05


@pytest.mark.parametrize("verb", sorted(set(STREAM_VERBS) - {DOWN}))
def test_every_toxic_can_be_for_a_share_of_the_connections(verb: str) -> None:
    (fault,) = getattr(Schedule().at(1), verb)("redis", **OWN.get(verb, {}), probability="30 %").faults
    assert fault.settings["probability"] == 0.3
    assert "probability" not in LINK_FAULTS[verb](Schedule().at(1)).faults[0].settings


def test_healing_leaves_what_was_killed_and_paused() -> None:
    broken = Schedule().at(1).kill("redis").at(1).pause("redis").at(1).fill_memory().then_after(1).heal("redis")
    assert {fault.verb: fault.until_s for fault in broken.faults} == {"kill": None, "pause": None, "fill_memory": 2}


def test_a_schedule_is_a_value() -> None:
    outage = Schedule().at(1).kill("redis")
    outage.then_after(1).restart("redis")
    assert outage.faults == (Fault(verb="kill", target="redis", at_s=1),)


def stall(**given: Any) -> Schedule:
    return Schedule().at(1).stall("redis", **given)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: Schedule().at("soon"), "argument moment: not a quantity"),
        (lambda: Schedule().at(-1), "moment is out of range"),
        (lambda: Schedule().at(1).kill(""), "argument target: not a name"),
        (lambda: Schedule().at(1).pause("ccs", duration=0), "duration is out of range"),
        (lambda: Schedule().at(1).crash_loop("ccs", times=0), "times is out of range"),
        (lambda: Schedule().at(1).resume("ccs"), "nothing to resume"),
        (lambda: Schedule().at(1).heal("ccs"), "nothing to heal"),
        (lambda: Schedule().at(1).slow("", latency="1 s"), "argument target: not a name"),
        (lambda: Schedule().at(1).duplicate("telemetry", rate="0 %"), "rate is out of range"),
        (lambda: Schedule().at(1).reorder("telemetry", rate="1 %", delay=0), "delay is out of range"),
        (lambda: Schedule().at(1).slow("redis", latency="1 s", direction="up"), "no such direction: 'up'"),
        (lambda: Schedule().at(1).slow("redis", latency="0 s"), "latency is out of range"),
        (lambda: Schedule().at(1).lose("redis", rate="0 %"), "rate is out of range"),
        (lambda: Schedule().at(1).throttle("redis", rate="0.1 B"), "rate is out of range"),
        (lambda: Schedule().at(1).lose("redis", rate="5"), "argument rate: unit missing for a ratio"),
        (lambda: Schedule().at(1).reset("redis", probability="0 %"), "probability is out of range"),
        (lambda: Schedule().at(1).stall("redis", probability="101 %"), "probability is out of range: '101 %'"),
        (lambda: Schedule().at(1).stall("redis", probability="often"), "argument probability: not a quantity"),
        (lambda: stall(probability=0.3), "probability is no percentage: 0.3"),
        (lambda: stall(chance="30 %"), "stall has no such argument: 'chance'"),
        (lambda: stall(probabilty="1 %"), "did you mean probability?"),
        (lambda: Schedule().at(1).block(duration=0), "duration is out of range"),
        (
            lambda: Schedule().at(1).quota_memory("redis", spare="999 KB"),
            "spare is out of range: '999 KB'.*1 MB or",
        ),
        (lambda: Schedule().at(1).limit_memory("redis", spare="-1 B"), "spare is out of range: '-1 B'.*0 B or more"),
    ],
)
def test_what_cannot_be_said(wrong: Callable[[], Schedule], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        wrong()


def test_a_quota_of_memory() -> None:
    (fault,) = Schedule().at(1).quota_memory("redis", spare="50 MB", duration="2 s").faults
    assert fault == Fault(verb="quota_memory", target="redis", at_s=1, until_s=3, settings={"spare": 50_000_000})


def test_faults_survive_json() -> None:
    (fault,) = Schedule().at(2).crash_loop("ccs").faults
    assert Fault.from_dict(fault.to_dict()) == fault
    record = FaultRecord(fault=fault, began_s=2.1, evidence="process 1 ended", killed=1)
    assert FaultRecord.from_dict(record.to_dict()) == record


def test_when_a_target_can_begin_to_recover() -> None:
    ends = Fault(verb="kill", target="redis", at_s=1, until_s=2)
    stays = Fault(verb="kill", target="redis", at_s=1)
    assert FaultRecord(fault=ends, began_s=1.0, ended_s=2.2).over_s == 2.2
    assert FaultRecord(fault=ends, began_s=1.0).over_s is None
    assert FaultRecord(fault=stays, began_s=1.0).over_s == 1.0


def test_a_misfire_is_what_did_not_take_hold_or_came_too_late() -> None:
    fault = Fault(verb="kill", target="redis", at_s=1)
    assert not FaultRecord(fault=fault, began_s=1.0).misfire
    assert "the load had ended" in FaultRecord(fault=fault).misfire
    assert "second 1: it went on" in FaultRecord(fault=fault, began_s=1.0, problem="it went on").misfire


def test_phases_of_an_outage() -> None:
    plan = constant_users(5, "30 s", warm_up="3 s").plan()
    outage = Schedule().at("5 s").kill("redis").then_after("5 s").restart("redis")
    assert phases_of(with_faults(plan, outage)) == [
        ("warm_up", 0, 3),
        ("steady", 3, 5),
        ("fault", 5, 10),
        ("recovery", 10, 33),
    ]


def test_phases_of_what_is_there_to_stay() -> None:
    plan = with_faults(constant_users(5, "30 s").plan(), Schedule().at("5 s").kill("ccs-2"))
    assert phases_of(plan) == [("steady", 0, 5), ("recovery", 5, 30)]
    assert [phase.name for phase in plan.phases if phase.broken] == ["recovery"]


def test_phases_of_several_faults_and_of_other_phases() -> None:
    plan = ramping_users(4, ramp="4 s", hold="20 s", cool_down="4 s").plan()
    two = Schedule().at(2).pause("ccs", duration=4).at(5).pause("redis", duration=2).at(20).pause("ccs", duration=6)
    broken = with_faults(plan, two)
    assert [phase.name for phase in broken.phases if phase.broken] == ["fault", "fault 2"]
    assert phases_of(broken) == [
        ("ramp", 0, 2),
        ("fault", 2, 7),
        ("recovery", 7, 20),
        ("fault 2", 20, 26),
        ("cool_down", 26, 28),
    ]


def test_recovery_swallows_the_steps_of_stairs() -> None:
    plan = with_faults(stairs(1, 3, by=1, each="2 s").plan(), Schedule().at(1).pause("ccs", duration=0.5))
    assert phases_of(plan) == [("1 users", 0, 1), ("fault", 1, 1.5), ("recovery", 1.5, 6)]
    assert [step.users for step in plan.steps] == [1, 2, 3]


@pytest.mark.parametrize(
    ("schedule", "profile", "told"),
    [
        (Schedule(), constant_users(1, 5), "no fault"),
        (Schedule().at(5).kill("ccs"), constant_users(1, 5), "when the load is over"),
        (Schedule().at(4).pause("ccs", duration=1), constant_users(1, 5), "when the load is over"),
        (Schedule().at(1).kill("ccs"), iterations(5), "must end by time"),
    ],
)
def test_schedules_that_do_not_fit_a_load(schedule: Schedule, profile: Profile, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        with_faults(profile.plan(), schedule)


@given(st.lists(st.tuples(st.floats(0, 19), st.floats(0.1, 10)), min_size=1, max_size=6))
def test_phases_have_no_gaps_and_faults_are_where_they_were_planned(windows: list[tuple[float, float]]) -> None:
    schedule = Schedule()
    for begin, length in windows:
        schedule = schedule.at(begin).pause("ccs", duration=length)
    plan = with_faults(constant_users(3, 30, warm_up=2).plan(), schedule)
    assert plan.phases[0].start_s == 0
    assert plan.duration_s == 32
    assert all(one.end_s == other.start_s for one, other in pairwise(plan.phases))
    assert len({phase.name for phase in plan.phases}) == len(plan.phases)
    for begin, length in windows:
        assert plan.phase_at(begin + length / 2).startswith("fault")
