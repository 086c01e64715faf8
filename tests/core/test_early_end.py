"""A load ends early for a condition that holds, or for an objective that is broken."""

from dataclasses import replace

import pytest

from pytest_roo_load.core.early_end import EarlyEnd, EndWatch, check_condition
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.timeline import OperationSecond, Second
from pytest_roo_load.errors import UsageError


def second(t: int, *latencies: float, failed: int = 0, phase: str = "steady") -> Second:
    operation = OperationSecond(failed=failed)
    operation.ok.add(latencies)
    return Second(t=t, phase=phase, users=5, operations={"GET /": operation})


def ends_at(wanted: EarlyEnd, seconds: list[Second]) -> tuple[int, str] | None:
    watch = EndWatch(wanted)
    for one in seconds:
        reason = watch.observe(one)
        if reason:
            return one.t, reason
    return None


def until(text: str) -> EarlyEnd:
    return EarlyEnd(until=check_condition(parse_objective(text)))


def broken(*texts: str, grace_s: float = 0.0) -> EarlyEnd:
    return EarlyEnd(broken=tuple(parse_objective(text) for text in texts), grace_s=grace_s)


RISING = [second(t, 0.1 * (t + 1)) for t in range(10)]
FAILING = [second(t, 0.1, failed=0 if t < 4 else 1) for t in range(10)]


def test_until_looks_at_the_last_second_or_at_a_window() -> None:
    assert ends_at(until("p95 > 450 ms"), RISING) == (4, "ended at second 5, for p95 > 450 ms")
    assert ends_at(until("mean > 450 ms over 3 s"), RISING) == (5, "ended at second 6, for mean > 450 ms over 3 s")
    assert ends_at(until("p95 > 10 s"), RISING) is None
    assert ends_at(until("p95 > 0 s"), [second(0)]) is None


def test_a_broken_objective_ends_the_load_after_its_grace() -> None:
    assert ends_at(broken("error_rate < 10 %"), FAILING) == (4, "ended at second 5, for error_rate < 10 % was broken")
    assert ends_at(broken("error_rate < 40 % over 2 s"), FAILING) == (
        5,
        "ended at second 6, for error_rate < 40 % over 2 s was broken",
    )
    late = ends_at(broken("error_rate < 10 %", grace_s=7), FAILING)
    assert late is not None
    assert late[0] == 7


def test_what_may_still_grow_and_what_is_no_steady_phase_breaks_nothing() -> None:
    assert ends_at(broken("count > 1000", "throughput > 99/s", "users > 9", "memory_peak < 1 B"), RISING) is None
    assert ends_at(broken("p95 < 1 ms"), [second(t, 0.1, phase="warm_up") for t in range(5)]) is None


def in_turn(**latency_s: float) -> list[Second]:
    """Three seconds of each phase, with its latency."""
    names = [name.replace("_", " ") for name in latency_s for _ in range(3)]
    return [second(t, latency_s[name.replace(" ", "_")], phase=name) for t, name in enumerate(names)]


@pytest.mark.parametrize("window", ["", " over 2 s"])
def test_an_objective_of_a_phase_is_broken_by_that_phase_alone(window: str) -> None:
    slow_later = in_turn(warm_up=0.02, ramp=0.02, steady=0.3)
    assert ends_at(broken(f"p95 in ramp < 100 ms{window}"), slow_later) is None
    assert ends_at(broken(f"p95 in warm_up < 100 ms{window}", grace_s=3), slow_later) is None
    late = ends_at(broken(f"p95 < 100 ms{window}"), slow_later)
    assert late is not None
    assert late[0] == (7 if window else 6)
    slow_ramp = in_turn(warm_up=0.02, ramp=0.3, steady=0.02)
    assert ends_at(broken(f"p95 < 100 ms{window}"), slow_ramp) is None
    early = ends_at(broken(f"p95 in ramp < 100 ms{window}"), slow_ramp)
    assert early is not None
    assert early[0] == (4 if window else 3)


def test_each_of_several_phases_alike_is_looked_at_by_itself() -> None:
    second_is_slow = in_turn(steady=0.01, fault=0.01, recovery=0.01, fault_2=0.3, steady_2=0.01)
    for text in ("mean in fault < 200 ms", "mean in 'fault 2' < 200 ms"):
        assert ends_at(broken(text), second_is_slow) == (9, f"ended at second 10, for {text} was broken")
    assert ends_at(broken("mean in recovery < 200 ms", "mean in 'fault 3' < 1 ms"), second_is_slow) is None


def test_steps_with_names_of_their_own_are_the_steady_phase_together_and_each_by_its_name() -> None:
    steps = [replace(one, phase=f"{10 * (one.t // 3 + 1)} users") for one in RISING]
    assert ends_at(broken("mean < 310 ms"), steps) == (5, "ended at second 6, for mean < 310 ms was broken")
    assert ends_at(broken("mean in '20 users' < 600 ms"), steps) is None
    in_second = ends_at(broken("mean in '20 users' < 440 ms"), steps)
    assert in_second is not None
    assert in_second[0] == 4
    assert ends_at(broken("mean < 290 ms over 3 s"), steps) == (
        3,
        "ended at second 4, for mean < 290 ms over 3 s was broken",
    )


def test_until_looks_at_the_phase_that_it_names_or_at_the_whole_load() -> None:
    load = in_turn(ramp=0.3, steady=0.02, spike=0.3)
    assert ends_at(until("p95 > 200 ms"), load) == (0, "ended at second 1, for p95 > 200 ms")
    assert ends_at(until("p95 in spike > 200 ms"), load) == (6, "ended at second 7, for p95 in spike > 200 ms")
    assert ends_at(until("p95 in steady > 200 ms"), load) is None
    over = ends_at(until("p95 in spike > 200 ms over 2 s"), load)
    assert over is not None
    assert over[0] == 7


@pytest.mark.parametrize("text", ["memory_peak > 1 MB", "interrupted > 0", "dropped > 0", "p95 > 1 s for 5 s"])
def test_a_condition_that_cannot_be_decided_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be decided while the load runs"):
        check_condition(parse_objective(text))
