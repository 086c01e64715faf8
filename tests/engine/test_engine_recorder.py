from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.recording import Recording
from pytest_roo_load.core.result import result_of
from pytest_roo_load.core.timeline import OperationSecond, Second
from pytest_roo_load.engine.meter import Meter, cores_available
from pytest_roo_load.engine.quota import Quota, share_of
from pytest_roo_load.engine.recorder import MAX_NAMES, OTHER, PhaseRecorder

latencies = st.floats(min_value=0, max_value=4000, allow_nan=False)
happenings = st.one_of(
    st.tuples(st.just("ok"), st.sampled_from("abc"), latencies),
    st.tuples(st.just("fail"), st.sampled_from("abc"), latencies),
    st.tuples(st.just("start"), st.sampled_from("abc"), st.just(0.0)),
    st.tuples(st.just("group"), st.sampled_from("abg"), latencies),
    st.tuples(st.just("switch"), st.sampled_from(["warm_up", "steady", "graceful_stop"]), st.just(0.0)),
    st.tuples(st.just("collect"), st.just(""), st.just(0.0)),
)


def record(recorder: PhaseRecorder, what: str, name: str, latency: float) -> None:
    if what == "switch":
        recorder.switch(name)
        return
    slot = recorder.group_slot(name) if what == "group" else recorder.slot(name)
    slot.started += 1
    if what == "fail":
        slot.fail(latency, "kind", "text")
    elif what != "start":
        slot.ok.append(latency)


def test_dropped_arrivals_belong_to_the_second_and_to_the_phase_in_which_they_were_due() -> None:
    recorder = PhaseRecorder("warm_up")
    recorder.dropped(2)
    recorder.switch("steady")
    recorder.dropped(3)
    seconds = [recorder.collect(0, "warm_up"), recorder.collect(1, "steady")]
    recorder.dropped(1)
    seconds.append(recorder.collect(2, "steady"))

    assert [second.dropped for second in seconds] == [5, 0, 1]
    assert [phase.dropped for phase in recorder.recording.phases.values()] == [2, 4]


@given(st.lists(happenings))
def test_the_seconds_sum_up_to_the_recording_bucket_by_bucket(script: list[tuple[str, str, float]]) -> None:
    recorder = PhaseRecorder("warm_up")
    seconds: list[Second] = []
    for what, name, latency in [*script, ("collect", "", 0.0)]:
        if what == "collect":
            seconds.append(recorder.collect(len(seconds), recorder.phase))
        else:
            record(recorder, what, name, latency)
    summed: dict[str, OperationSecond] = {}
    for second in seconds:
        for name, operation in second.operations.items():
            summed.setdefault(name, OperationSecond()).merge(operation)
    recorded: dict[str, OperationSecond] = {}
    begun = 0
    for phase in recorder.recording.phases.values():
        for name, tally in phase.operations.items():
            recorded.setdefault(name, OperationSecond()).merge(OperationSecond(ok=tally.ok, failed=tally.failed.count))
            assert tally.failed.count == sum(error.count for error in tally.errors.values())
            begun += tally.started
    assert {name: one for name, one in recorded.items() if one.ok.count or one.failed} == summed
    assert begun == sum(what in {"ok", "fail", "start"} for what, _, _ in script)


@given(st.lists(happenings), st.integers(min_value=1, max_value=3))
def test_a_merge_of_generators_is_what_one_would_have_recorded(
    script: list[tuple[str, str, float]], generators: int
) -> None:
    script = [one for one in script if one[0] != "collect"]
    alone = PhaseRecorder("warm_up")
    parts = [PhaseRecorder("warm_up") for _ in range(generators)]
    for number, happening in enumerate(script):
        record(alone, *happening)
        for index, part in enumerate(parts):
            if happening[0] == "switch" or number % generators == index:
                record(part, *happening)
    whole = Recording()
    for part in parts:
        part.collect(0, "x")
        whole.merge(part.recording)
    alone.collect(0, "x")
    for name, phase in alone.recording.phases.items():
        for kind in ("operations", "groups"):
            expected, merged = getattr(phase, kind), getattr(whole.phase(name), kind)
            assert {key: (one.ok, one.failed, one.started, one.interrupted) for key, one in expected.items()} == {
                key: (one.ok, one.failed, one.started, one.interrupted) for key, one in merged.items()
            }


def test_a_sample_belongs_to_the_phase_in_which_it_started() -> None:
    recorder = PhaseRecorder("warm_up")
    early, never = recorder.slot("a"), recorder.slot("b")
    early.started += 1
    never.started += 1
    recorder.switch("steady")
    early.ok.append(1.0)
    second = recorder.collect(0, "steady")
    warm_up, steady = (recorder.recording.phases[name] for name in ("warm_up", "steady"))
    assert warm_up.operations["a"].ok.count == 1
    assert warm_up.operations["b"].interrupted == 1
    assert steady.operations == {}
    assert second.operations["a"].ok.count == 1, "in the second in which it ended"


def test_what_fails_because_something_was_broken_meanwhile_counts_for_that() -> None:
    recorder = PhaseRecorder("steady")
    lucky, unlucky, unheard = recorder.slot("a"), recorder.slot("a"), recorder.slot("b")
    for slot in (lucky, unlucky, unheard):
        slot.started += 1
    recorder.switch("fault", broken=True)
    lucky.ok.append(1.0)
    unlucky.fail(2.0, "connection lost", "GET /a: reset")
    recorder.switch("recovery")
    recorder.switch("fault 2", broken=True)
    unheard.fail(3.0, "timeout", "GET /b: timed out")
    second = recorder.collect(0, "fault 2")
    steady, fault = (recorder.recording.phases[name].operations for name in ("steady", "fault"))
    assert (steady["a"].started, steady["a"].ok.count, steady["a"].errors) == (1, 1, {})
    assert (steady["b"].started, steady["b"].interrupted) == (0, 0)
    assert {name: (one.started, one.failed.count, list(one.errors)) for name, one in fault.items()} == {
        "a": (1, 1, ["connection lost"]),
        "b": (1, 1, ["timeout"]),
    }
    assert recorder.recording.phases["fault 2"].operations == {}
    assert {name: one.failed for name, one in second.operations.items()} == {"a": 1, "b": 1}


def test_throughput_counts_what_ends_in_a_phase_wherever_it_began() -> None:
    recorder = PhaseRecorder("warm_up")
    early, gone = recorder.slot("a"), recorder.slot("login")
    early.started, gone.started = 2, 1
    gone.ok.append(0.1)
    recorder.collect(0, "warm_up")
    recorder.switch("steady")
    early.ok += [1.0, 1.0]
    late = recorder.slot("a")
    late.started = 3
    late.ok.append(0.5)
    recorder.switch("graceful_stop")
    late.ok += [1.0, 1.0]
    recorder.collect(1, "steady")

    result = result_of(recorder.recording, {"warm_up": (0, 1), "steady": (1, 2)})

    warm_up, steady = result.phases["warm_up"], result.phases["steady"]
    assert (warm_up.succeeded, warm_up.throughput) == (3, 1.0)
    assert (steady.succeeded, steady.throughput) == (3, 3.0)
    assert list(steady.operations) == ["a"]
    assert steady.operations["a"].throughput == 3.0


@given(st.lists(happenings))
def test_what_succeeded_is_the_throughput_of_one_phase(script: list[tuple[str, str, float]]) -> None:
    recorder = PhaseRecorder("warm_up")
    for what, name, latency in script:
        if what == "collect":
            recorder.collect(0, recorder.phase)
        else:
            record(recorder, what, name, latency)
    recorder.switch("over")
    recorder.collect(1, "over")

    tallies = [
        tally
        for phase in recorder.recording.phases.values()
        for kind in (phase.operations, phase.groups)
        for tally in kind.values()
    ]
    assert sum(tally.finished or 0 for tally in tallies) == sum(tally.ok.count for tally in tallies)


def test_beyond_two_hundred_names_the_rest_is_other() -> None:
    recorder = PhaseRecorder("steady")
    for number in range(MAX_NAMES + 50):
        for slot in (recorder.slot(f"name {number}"), recorder.group_slot(f"name {number}")):
            slot.started += 1
            slot.ok.append(0.001)
    recorder.slot("name 7").started += 1
    recorder.collect(0, "steady")
    for tallies in (recorder.recording.phases["steady"].operations, recorder.recording.phases["steady"].groups):
        assert len(tallies) == MAX_NAMES + 1
        assert tallies[OTHER].ok.count == 50
    assert recorder.recording.phases["steady"].operations["name 7"].started == 2


def test_the_least_number_of_users() -> None:
    recorder = PhaseRecorder("steady")
    recorder.enter(3)
    assert recorder.collect(0, "steady").users == 3
    recorder.leave()
    recorder.enter()
    assert recorder.collect(1, "steady").users == 2
    assert recorder.collect(2, "steady").users == 3
    recorder.retire()
    assert recorder.recording.phases["steady"].users == 2
    assert repr(recorder) == "<PhaseRecorder in steady, 2 users active, 0 operations>"


def test_iterations_are_counted_by_user_from_the_users_that_are_there() -> None:
    recorder = PhaseRecorder("warm_up")
    recorder.join([0, 2])
    begun_in_warm_up = recorder.current
    recorder.switch("steady")
    recorder.join([4])
    begun_in_warm_up.finish(0)
    for user in (0, 0, 4, 99):
        recorder.current.finish(user)
    warm_up, steady = (recorder.recording.phases[name] for name in ("warm_up", "steady"))
    assert (warm_up.turns, warm_up.iterations) == ({0: 1, 2: 0}, 1)
    assert (steady.turns, steady.iterations) == ({0: 2, 2: 0, 4: 1}, 4), "user 99 never joined: an open profile's"


def test_who_has_gone_takes_no_part_in_later_phases_and_who_comes_again_keeps_his_iterations() -> None:
    recorder = PhaseRecorder("steady")
    recorder.join([0, 1])
    recorder.current.finish(1)
    recorder.part(1)
    recorder.join([1])
    recorder.part(1)
    recorder.switch("recovery")
    recorder.part(7)
    assert recorder.recording.phases["steady"].turns == {0: 0, 1: 1}
    assert recorder.recording.phases["recovery"].turns == {0: 0}


@given(st.one_of(st.none(), st.integers(0, 1000)), st.integers(1, 9))
def test_shares_of_a_quota_add_up(iterations: int | None, generators: int) -> None:
    shares = [share_of(iterations, index, generators) for index in range(generators)]
    if iterations is None:
        assert shares == [None] * generators
    else:
        numbers = [share for share in shares if share is not None]
        assert sum(numbers) == iterations
        assert max(numbers) - min(numbers) <= 1


def test_a_quota_counts_from_the_steady_phase_on() -> None:
    quota = Quota(2)
    assert [quota.take() for _ in range(5)] == [True] * 5
    quota.count_from_now()
    assert repr(quota) == "<Quota 2 left>"
    assert [quota.take() for _ in range(4)] == [True, True, False, False]
    quota = Quota(None)
    quota.count_from_now()
    assert all(quota.take() for _ in range(100))
    quota.ended = True
    assert not quota.take()
    assert repr(quota) == "<Quota ended>"


def test_a_meter_sums_up_the_steady_phase_only() -> None:
    from pytest_roo_load.core.timeline import ProcessUse  # noqa: PLC0415 - of this test alone

    def use(memory: int, cpu: float) -> dict[str, ProcessUse]:
        return {"ccs": ProcessUse(memory_bytes=memory, cpu_s=cpu, processes=1)}

    meter = Meter()
    meter.look(0.0, use(900, 0.0), steady=False)
    meter.look(1.0, use(100, 1.0), steady=True)
    meter.look(3.0, use(50, 3.0), steady=True)
    (result,) = meter.summary().values()
    assert (result.memory_peak, result.looks) == (100, 2)
    assert result.cpu_mean == pytest.approx(1.0 / cores_available())
    assert repr(meter) == "<Meter of ccs>"


def test_a_meter_tells_of_processes_that_have_ended_and_when_that_was_first_seen() -> None:
    from pytest_roo_load.core.timeline import ProcessUse  # noqa: PLC0415 - of this test and the one above

    def uses(*, of_two: int, of_three: int) -> dict[str, ProcessUse]:
        ended = {"ccs": of_two, "target": of_three}
        return {
            name: ProcessUse(memory_bytes=1, cpu_s=1, processes=2, ended=number) for name, number in ended.items()
        } | ({"redis": ProcessUse(memory_bytes=1, cpu_s=1, processes=1)} if not of_two else {})

    meter = Meter()
    meter.look(0.0, uses(of_two=0, of_three=0), steady=False)
    assert meter.lost() == ()
    meter.look(1.0, uses(of_two=1, of_three=0), steady=True)
    meter.look(2.0, uses(of_two=1, of_three=2), steady=True)
    meter.look(3.0, {}, steady=True)
    told = "was gone at second {} of the load: what was measured is not what was meant"
    redis = f"process 'redis' {told.format(1)}"
    ccs = f"one of the processes 'ccs' {told.format(1)}"
    target = f"one of the processes 'target' {told.format(2)}"
    assert sorted(meter.lost()) == [ccs, target, redis]
    assert meter.lost(but=frozenset({"ccs", "redis"})) == (target,)
