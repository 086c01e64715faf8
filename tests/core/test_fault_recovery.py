"""When a target had recovered."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace

import pytest
from core_samples import SEND, of_seconds, second

from pytest_roo_load.core.faults.fault import Fault, FaultRecord
from pytest_roo_load.core.faults.overload import overloads
from pytest_roo_load.core.faults.recovery import Never, judged_by, recoveries
from pytest_roo_load.core.sla.judge import judge
from pytest_roo_load.core.sla.objective import Objective
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError

GOOD, SLOW, BAD, SILENT = "g", "s", "b", "."


def seconds(pattern: str) -> list[Second]:
    """One second per letter: good, slow, with errors, or without any operation."""
    made = {GOOD: ([0.01] * 20, 0), SLOW: ([2.0] * 20, 0), BAD: ([0.01] * 10, 10), SILENT: ([], 0)}
    return [second(t, made[letter][0], made[letter][1]) for t, letter in enumerate(pattern)]


def outage(began: float = 2, ended: float | None = 4, until: float | None = 4) -> FaultRecord:
    fault = Fault(verb="kill", target="redis", at_s=began, until_s=until)
    return FaultRecord(fault=fault, began_s=began, ended_s=ended)


def objectives(*texts: str) -> tuple[Objective, ...]:
    return tuple(map(parse_objective, texts or ("p95 < 1 s", "error_rate < 1 %")))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("ggbbggggg", 0.0),
        ("ggbbbbggg", 2.0),
        ("ggbbsssgggg", 3.0),
        ("gg....ggg", 2.0),
        ("ggbbggbggg", 3.0),  # two good seconds are not enough
        ("ggbbggsggg", 3.0),
    ],
)
def test_from_the_end_of_the_fault_to_the_first_of_three_good_seconds(pattern: str, expected: float) -> None:
    (found,) = recoveries([outage()], seconds(pattern), objectives())
    assert (found.from_s, found.seconds) == (4, expected)


def test_a_target_that_is_quick_only_for_those_who_find_a_user_has_not_recovered() -> None:
    line = seconds("ggbbggggg")
    for one in line[4:6]:
        one.dropped = 20
    asked = objectives("p95 < 1 s")
    (found,) = recoveries([outage()], line, asked)
    assert found.seconds == 2
    (found,) = recoveries([outage()], line[:6], asked)
    assert repr(found.seconds) == "<never recovered: second 5: p95 < 1 s was 10 ms, 20 arrivals were dropped>"
    (found,) = recoveries([outage()], line, objectives("error_rate < 1 %"))
    assert found.seconds == 0, "no error is hidden by what was dropped"


def test_a_second_that_the_fault_ends_in_counts_if_it_holds() -> None:
    (found,) = recoveries([outage(ended=4.3)], seconds("ggggggg"), objectives())
    assert found.seconds == 0
    (found,) = recoveries([outage(ended=4.3)], seconds("ggbbbggg"), objectives())
    assert found.seconds == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("ggbbbbbbgg", "second 7: error_rate < 1 % was 50 %"),
        ("ggbbssss", "second 7: p95 < 1 s was 2 s"),
        ("ggbb....", "second 7: no operation ended"),
        ("ggbbgg", "the load ended too early to tell"),
    ],
)
def test_what_never_recovers_says_why(pattern: str, reason: str) -> None:
    (found,) = recoveries([outage()], seconds(pattern), objectives())
    assert found.seconds == math.inf
    assert repr(found.seconds) == f"<never recovered: {reason}>"


def test_a_fault_that_did_not_end_in_the_load() -> None:
    (found,) = recoveries([outage(ended=None)], seconds("ggbbggggg"), objectives())
    assert (found.from_s, found.seconds) == (None, math.inf)
    assert "had not ended" in repr(found.seconds)


def test_what_is_there_to_stay_counts_from_its_begin() -> None:
    (found,) = recoveries([outage(ended=None, until=None)], seconds("ggbbggg"), objectives())
    assert (found.from_s, found.seconds) == (2, 2.0)


def test_a_fault_that_did_not_begin_has_no_recovery() -> None:
    assert recoveries([FaultRecord(fault=outage().fault)], seconds("gggg"), objectives()) == ()


def test_a_fault_that_did_not_take_hold_has_no_recovery() -> None:
    missed = replace(outage(ended=None), problem="it did not take hold: no process of redis runs")
    kept = replace(outage(ended=None), evidence="process 7 ended", problem="it could not be mended: it does not start")
    assert recoveries([missed], seconds("ggbbggggg"), objectives()) == ()
    (found,) = recoveries([outage(), missed], seconds("ggbbggggg"), objectives())
    assert found.seconds == 0
    (found,) = recoveries([outage(), kept], seconds("ggbbggggg"), objectives())
    assert isinstance(found.seconds, Never)


def test_faults_with_no_room_between_them_recover_together() -> None:
    near = [outage(2, 4), outage(6, 8)]
    (found,) = recoveries(near, seconds("ggbbggbbbggg"), objectives())
    assert (found.from_s, found.seconds) == (8, 1.0)
    far = [outage(2, 4), outage(9, 10)]
    assert [one.seconds for one in recoveries(far, seconds("ggbbbgggggggg"), objectives())] == [1.0, 0.0]


def test_recovery_must_come_before_the_next_fault() -> None:
    first, second_one = recoveries([outage(2, 4), outage(9, 10)], seconds("ggbbbbbggbggg"), objectives())
    assert first.seconds == math.inf
    assert second_one.seconds == 0


def test_judged_by_what_a_second_can_tell() -> None:
    texts = ("p95 < 1 s", "throughput > 5 /s", "count > 3", "memory_peak < 1 GB", "p95 in fault < 9 s")
    assert [one.text for one in judged_by(objectives(*texts))] == ["p95 < 1 s", "throughput > 5 /s"]
    assert [one.text for one in judged_by(())] == ["error_rate < 1 %"]
    assert [one.text for one in judged_by(objectives("recovery_time < 3 s"))] == ["error_rate < 1 %"]


def test_an_operation_that_did_not_end_in_a_second_says_nothing_about_it() -> None:
    asked = objectives("p95 of 'GET /rare' < 1 s", f"p95 of '{SEND}' < 1 s")
    (found,) = recoveries([outage()], seconds("ggssgggg"), asked)
    assert found.seconds == 0


def test_the_result_has_the_longest_and_an_objective_judges_it() -> None:
    result = of_seconds(seconds("ggbbbbgggg"))
    with pytest.raises(UsageError, match="no recovery time"):
        _ = result.recovery_time
    assert judge(parse_objective("recovery_time < 5 s"), result).verdict is Verdict.NO_DATA
    for pattern, verdict, measured in (("ggbbbbgggg", Verdict.PASS, 2.0), ("ggbbbbbbbb", Verdict.FAIL, None)):
        result = of_seconds(seconds(pattern), faults=(outage(),))
        judgement = judge(parse_objective("recovery_time < 5 s"), result)
        assert (judgement.verdict, judgement.measured) == (verdict, measured)
    assert not result.recovery_time < 1e9
    assert "error_rate < 1 % was 50 %" in judgement.reason
    assert not result.meets("recovery_time < 5 s")


@pytest.mark.parametrize(
    "text", ["recovery_time in fault < 1 s", "recovery_time of redis < 1 s", "recovery_time < 1 s over 5 s"]
)
def test_recovery_time_takes_no_phase_and_no_window(text: str) -> None:
    with pytest.raises(UsageError):
        parse_objective(text.format("recovery_time"))


def test_never_is_picklable() -> None:
    assert repr(pickle.loads(pickle.dumps(Never("reason")))) == "<never recovered: reason>"


def test_a_spike_of_load_is_recovered_from_as_well() -> None:
    spans = {"warm_up": (0.0, 1.0), "steady": (1.0, 2.0), "spike": (2.0, 4.0), "recovery": (4.0, 9.0)}
    (spike,) = overloads(spans)
    assert str(spike.fault) == "overload target"
    (found,) = recoveries([spike], seconds("ggbbsgggg"), objectives())
    assert (found.from_s, found.seconds) == (4, 1.0)


def test_a_load_that_ends_with_a_spike_never_recovers_from_it() -> None:
    (spike,) = overloads({"steady": (0.0, 2.0), "spike": (2.0, 4.0)})
    (found,) = recoveries([spike], seconds("ggbb"), objectives())
    assert repr(found.seconds) == "<never recovered: a fault had not ended when the load did>"


def test_a_load_without_a_spike_has_no_overload() -> None:
    assert overloads({"steady": (0.0, 2.0), "recovery": (2.0, 4.0)}) == ()
