"""A load ends early for a condition that holds, or for an objective that is broken."""

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


@pytest.mark.parametrize("text", ["memory_peak > 1 MB", "interrupted > 0", "dropped > 0", "p95 > 1 s for 5 s"])
def test_a_condition_that_cannot_be_decided_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be decided while the load runs"):
        check_condition(parse_objective(text))
