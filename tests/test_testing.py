"""The shipped fakes keep the contracts of what they stand for."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from user_lab import perform_for_real

import pytest_roo_load.testing as shipped
from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.core.ports import Probe, Slot, User
from pytest_roo_load.core.result import Result, result_of
from pytest_roo_load.core.statistics import Statistics
from pytest_roo_load.core.timeline import ProcessUse
from pytest_roo_load.engine.recorder import MAX_NAMES, OTHER, PhaseRecorder
from pytest_roo_load.errors import OperationError, UnexpectedAnswer, UsageError
from pytest_roo_load.monitor.processes import ProcessProbe
from pytest_roo_load.testing import FakeProbe, FakeRecorder, FakeSlot, FakeUser, OracleServer

Counts = dict[str, tuple[int, int, int, dict[str, tuple[int, str]]]]

DOCUMENTED = ["Answered", "FakeProbe", "FakeRecorder", "FakeSlot", "FakeUser", "OracleServer", "Stall", "own_server"]


def test_the_public_names_are_the_documented_ones() -> None:
    assert shipped.__all__ == DOCUMENTED
    assert all(getattr(shipped, name).__doc__ for name in DOCUMENTED)
    page = (Path(__file__).parents[1] / "docs" / "testing-journeys.md").read_text(encoding="utf-8")
    assert [name for name in DOCUMENTED if f"`{name}" not in page] == []


# Recorders


class AnyRecorder(Protocol):
    def slot(self, name: str) -> Slot: ...
    def group_slot(self, name: str) -> Slot: ...
    def check(self, name: str, held: bool) -> None: ...  # noqa: FBT001 - as in the recorder
    def value(self, name: str, value: Any) -> None: ...


class Seen:
    """What a recorder has recorded, or what a result shows of it."""

    def __init__(self, recorded: PhaseRecorder | FakeRecorder | Result) -> None:
        if isinstance(recorded, FakeRecorder):
            self.operations = _counts_of_fake(recorded.operations)
            self.groups = _counts_of_fake(recorded.groups)
            self.checks = {name: list(counts) for name, counts in recorded.checks.items()}
            self.values: Mapping[str, list[Any]] = recorded.values
            return
        result = recorded if isinstance(recorded, Result) else _result(recorded)
        self.operations = _counts_of_real(result.operations)
        self.groups = _counts_of_real(result.groups)
        self.checks = {name: list(counts) for name, counts in result.steady.checks.items()}
        self.values = {name: values.items for name, values in result.values.items()}


def _result(recorder: PhaseRecorder) -> Result:
    recorder.collect(0, "steady")
    return result_of(recorder.recording, {"steady": (0.0, 1.0)})


def _counts_of_fake(slots: Mapping[str, FakeSlot]) -> Counts:
    return {
        name: (len(slot.ok), len(slot.failed), slot.interrupted, _errors(slot.errors)) for name, slot in slots.items()
    }


def _counts_of_real(all_of_them: Mapping[str, Statistics]) -> Counts:
    return {
        name: (one.succeeded, one.failed, one.interrupted, _errors(one.errors)) for name, one in all_of_them.items()
    }


def _errors(errors: Mapping[str, Any]) -> dict[str, tuple[int, str]]:
    return {kind: (error.count, error.exemplar) for kind, error in errors.items()}


@pytest.fixture(params=[FakeRecorder, lambda: PhaseRecorder("steady")], ids=["fake", "real"])
def recorder(request: pytest.FixtureRequest) -> PhaseRecorder | FakeRecorder:
    result: PhaseRecorder | FakeRecorder = request.param()
    return result


class TestRecorder:
    def test_a_slot_counts_what_was_started_succeeded_failed_and_never_ended(
        self, recorder: PhaseRecorder | FakeRecorder
    ) -> None:
        slot = recorder.slot("a")
        slot.started += 4
        slot.ok.append(0.5)
        slot.fail(0.1, "timeout", "the first")
        slot.fail(0.2, "timeout", "the second")
        assert Seen(recorder).operations == {"a": (1, 2, 1, {"timeout": (2, "the first")})}

    def test_the_same_name_is_the_same_slot(self, recorder: PhaseRecorder | FakeRecorder) -> None:
        assert recorder.slot("a") is recorder.slot("a")
        assert recorder.slot("a") is not recorder.slot("b")
        assert recorder.slot("a") is not recorder.group_slot("a"), "groups are not operations"

    def test_beyond_200_names_the_rest_is_other(self, recorder: PhaseRecorder | FakeRecorder) -> None:
        for get in (recorder.slot, recorder.group_slot):
            first = get("0")
            for number in range(MAX_NAMES):
                get(str(number))
            assert get("one more") is get("and another") is get(OTHER)
            assert get("0") is first

    def test_checks_and_values_are_kept(self, recorder: PhaseRecorder | FakeRecorder) -> None:
        for held in (True, True, False):
            recorder.check("fine", held)
        recorder.value("ids", 1)
        recorder.value("ids", [2])
        assert Seen(recorder).checks == {"fine": [2, 1]}
        assert Seen(recorder).values == {"ids": [1, [2]]}


happenings = st.lists(
    st.tuples(st.sampled_from(["ok", "fail", "begin", "check"]), st.sampled_from("abc"), st.floats(0, 100))
)


@given(happenings)
def test_the_fake_and_the_real_recorder_count_any_history_alike(script: list[tuple[str, str, float]]) -> None:
    fake, real = FakeRecorder(), PhaseRecorder("steady")
    recorders: tuple[AnyRecorder, ...] = (fake, real)
    for recorder in recorders:
        for what, name, latency in script:
            if what == "check":
                recorder.check(name, latency > 50)
                continue
            slot = recorder.slot(name)
            slot.started += 1
            if what == "ok":
                slot.ok.append(latency)
            elif what == "fail":
                slot.fail(latency, "kind", str(latency))
    assert Seen(fake).operations == Seen(real).operations
    assert Seen(fake).checks == Seen(real).checks


def test_the_recorder_tells_what_it_has() -> None:
    recorder = FakeRecorder()
    assert repr(recorder) == "<FakeRecorder of nothing yet>"
    recorder.slot("GET /x").started += 2
    recorder.slot("GET /x").ok.append(1.0)
    assert repr(recorder) == "<FakeRecorder of GET /x>"
    assert repr(recorder.slot("GET /x")) == "<FakeSlot 2 started, 1 ok, 0 failed>"


# Probes


def a_probe_of_this_process() -> Probe:
    return ProcessProbe({"me": (os.getpid(),), "gone": (_a_pid_that_is_gone(),)})


def a_probe_with_a_script() -> Probe:
    use = ProcessUse(memory_bytes=1, cpu_s=1.0, processes=1, unique_bytes=1, connections=0)
    later = ProcessUse(memory_bytes=2, cpu_s=1.5, processes=2)
    return FakeProbe({"me": [use, later], "gone": [None]})


def _a_pid_that_is_gone() -> int:
    return max(psutil.pids()) + 100_000


@pytest.mark.parametrize("make", [a_probe_with_a_script, a_probe_of_this_process], ids=["fake", "real"])
def test_a_probe_leaves_out_what_is_gone_and_cpu_time_never_goes_back(make: Callable[[], Probe]) -> None:
    probe = make()
    looks = [probe.sample() for _ in range(5)]
    assert all(set(look) == {"me"} for look in looks)
    times = [look["me"].cpu_s for look in looks]
    assert times == sorted(times)
    assert all(look["me"].memory_bytes > 0 and look["me"].processes > 0 for look in looks)
    first = looks[0]["me"]
    assert (first.unique_bytes or 0) > 0, "what takes long is known at the first look at least"
    assert first.connections is not None
    assert all(look["me"].tasks is None for look in looks), "nobody has asked for them"


def test_a_fake_probe_follows_its_script() -> None:
    first = ProcessUse(memory_bytes=1, cpu_s=0.0, processes=1)
    probe = FakeProbe({"a": [first, None], "b": [first]})
    assert [probe.sample(), probe.sample(), probe.sample()] == [{"a": first, "b": first}, {"b": first}, {"b": first}]
    assert repr(probe) == "<FakeProbe of a, b after 3 looks>"


@pytest.mark.parametrize("cpu", [[], [1.0, 0.5]])
def test_a_script_that_no_process_could_follow_is_refused(cpu: list[float]) -> None:
    with pytest.raises(UsageError, match="CPU time never less"):
        FakeProbe({"a": [ProcessUse(memory_bytes=1, cpu_s=one, processes=1) for one in cpu]})


# Users


Perform = Callable[..., "FakeRecorder | Result"]


@pytest.fixture(params=["fake", "real"])
def perform(request: pytest.FixtureRequest, tmp_path: Path) -> Perform:
    """Lets user 0 of seed 1 perform a journey of three iterations: the shipped fake, or one of a generator's."""
    if request.param == "fake":
        return lambda journey, target=None: FakeUser(iterations=3, seed=1, target=target).perform(journey)
    return lambda journey, target=None: perform_for_real(journey, tmp_path / "live.ndjson", target)


def test_a_user_counts_iterations_draws_and_sends_home_the_same(perform: Perform) -> None:
    async def draw(user: User) -> None:
        async for number in user.iterations():
            user.record("draws", (user.id, number, user.random.random()))

    expected = random.Random("1/0")
    assert Seen(perform(draw)).values == {"draws": [(0, number, expected.random()) for number in range(3)]}


def test_a_group_succeeds_or_fails_by_the_name_of_the_error(perform: Perform) -> None:
    def trouble(number: int) -> None:
        if number == 1:
            raise ValueError("odd")
        if number == 2:
            raise UnexpectedAnswer("strange")

    async def go(user: User) -> None:
        async for number in user.iterations():
            try:
                async with user.group("both ways"):
                    trouble(number)
            except (ValueError, UnexpectedAnswer):
                user.record("caught", number)

    seen = Seen(perform(go))
    assert seen.groups == {"both ways": (1, 2, 0, {"ValueError": (1, "odd"), "unexpected answer": (1, "strange")})}
    assert seen.values == {"caught": [1, 2]}
    assert seen.operations == {}


def test_a_check_that_does_not_hold_is_a_failed_operation(perform: Perform) -> None:
    async def check(user: User) -> None:
        async for number in user.iterations():
            user.record("held", user.check(number, "not the first"))

    seen = Seen(perform(check))
    assert seen.values == {"held": [False, True, True]}
    assert seen.checks == {"not the first": [2, 1]}
    text = "check 'not the first' did not hold for user 0"
    assert seen.operations == {"check not the first": (0, 1, 0, {"check": (1, text)})}


def test_requests_are_operations(perform: Perform) -> None:
    async def fetch(user: User) -> None:
        async for number in user.iterations():
            answer = await user.http.get(f"/items/{number}")
            user.record("statuses", answer.status)

    with OracleServer(answers={"GET /items/:id": {}}, error_share=0.4) as oracle:
        seen = Seen(perform(fetch, oracle.url))
    assert seen.values == {"statuses": [200, 200, 500]}
    (counts,) = seen.operations.values()
    assert list(seen.operations) == ["GET /items/:id"]
    assert counts[:3] == (2, 1, 0)
    assert list(counts[3]) == ["status 500"]


@pytest.mark.parametrize("times", [(-1,), (2, 1)])
def test_a_think_time_that_is_none_is_refused(perform: Perform, times: tuple[float, ...]) -> None:
    async def think(user: User) -> None:
        async for _ in user.iterations():
            try:
                await user.think(*times)
            except UsageError as error:
                user.record("error", str(error))

    assert "0 <= low <= high" in Seen(perform(think)).values["error"][0]


def test_a_user_without_a_target_says_so(perform: Perform) -> None:
    async def fetch(user: User) -> None:
        async for _ in user.iterations():
            try:
                assert user.http
            except UsageError as error:
                user.record("error", error.problem)

    assert Seen(perform(fetch)).values == {"error": ["no target"] * 3}


def test_thinking_takes_no_time_and_is_added_up() -> None:
    async def ponder(user: User) -> None:
        async for _ in user.iterations():
            await user.think(3600)
            await user.think(1, 2)

    user = FakeUser(iterations=10)
    user.perform(ponder)
    assert 36_010 <= user.time_s <= 36_020
    assert repr(user).startswith("<FakeUser 0 after 360")


def test_a_stand_in_takes_the_place_of_a_client() -> None:
    class Answering:
        async def get(self, path: str) -> str:
            return f"answer to {path}"

    async def fetch(user: User) -> None:
        user.record("answers", await user.http.get("/x"))

    user = FakeUser()
    user.http = Answering()
    assert user.perform(fetch).values == {"answers": ["answer to /x"]}


def test_what_a_journey_raises_is_raised_and_connections_are_closed() -> None:
    async def fail(user: User) -> None:
        await user.http.get("/x")
        raise KeyError("missing")

    with OracleServer() as oracle:
        user = FakeUser(target=oracle.url)
        with pytest.raises(KeyError, match="missing"):
            user.perform(fail)
        assert isinstance(user.http, HttpClient)
        assert "0 connections" in repr(user.http)


def test_a_request_keeps_its_deadline_without_a_generator() -> None:
    async def wait(user: User) -> None:
        try:
            await user.http.get("/x", timeout_s=0.1)
        except OperationError as error:
            user.record("error", type(error).__name__)

    with OracleServer(delay_s=30) as oracle:
        recorder = FakeUser(target=oracle.url).perform(wait)
    assert recorder.values == {"error": ["OperationTimeout"]}
    assert list(recorder.operations["GET /x"].errors) == ["timeout"]


def test_a_number_of_iterations_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="0 or more"):
        FakeUser(iterations=-1)
