"""Whole runs: journeys through a fleet to a result."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_lab import FLEETS, Target, load_of, measure, target

from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.core.early_end import EarlyEnd
from pytest_roo_load.core.profiles import Plan, Profile, arrival_rate, constant_users, iterations
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.timeline import total
from pytest_roo_load.engine.fleet.inline import InlineFleet
from pytest_roo_load.engine.fleet.local import LocalFleet
from pytest_roo_load.engine.fleet.strategy import Fleet
from pytest_roo_load.engine.runner import perform
from pytest_roo_load.errors import OperationError, OperationTimeout, UsageError


@pytest.fixture(scope="module")
def server() -> Iterator[Target]:
    with target() as result:
        yield result


async def browse(user: Any) -> None:
    """Request after request."""
    async for _ in user.iterations():
        await user.http.get("/x/1")


async def visit(user: Any) -> None:
    """One request; the engine repeats it."""
    await user.http.get("/x/1")


async def pause(user: Any) -> None:
    async for _ in user.iterations():
        await user.think(0.01)


@pytest.mark.parametrize("fleet", FLEETS)
def test_constant_users_are_all_there_all_the_time(fleet: str, tmp_path: Path) -> None:
    result = measure(pause, constant_users(7, "0.3 s", warm_up="0.2 s"), FLEETS[fleet](), tmp_path / "live")
    assert result.users == 7
    assert result.steady.iterations > 7
    assert [health.name for health in result.generators] == list(FLEETS[fleet]().names)


@pytest.mark.parametrize("journey", [browse, visit])
@pytest.mark.parametrize("fleet", FLEETS)
def test_the_server_counts_what_the_run_counts(journey: Any, fleet: str, server: Target, tmp_path: Path) -> None:
    before = server.requests
    profile = constant_users(5, "1 s", warm_up="0.1 s")
    result = measure(journey, profile, FLEETS[fleet](), tmp_path / "live", server.url)
    seconds = list(result.timeline)
    assert [second.t for second in seconds] == list(range(len(seconds)))
    interrupted = sum(phase.interrupted for phase in result.phases.values())
    assert total(seconds).ok.count + interrupted == server.requests - before
    late = total(seconds).ok.count - sum(phase.count for phase in result.phases.values())
    assert 0 <= late <= 5, "a user begins at most one request after the end, of the iteration that it was in"
    assert result.count > 5
    assert set(result.operations) == {"GET /x/:id"}
    assert (result.failed, result.error_rate) == (0, 0)


@pytest.mark.parametrize("warm_up", ["0 s", "0.2 s"])
@pytest.mark.parametrize("fleet", FLEETS)
def test_the_number_of_iterations_is_exact(fleet: str, warm_up: str, server: Target, tmp_path: Path) -> None:
    profile = iterations(101, users=7, warm_up=warm_up)
    for journey in (browse, visit):
        result = measure(journey, profile, FLEETS[fleet](), tmp_path / "live", server.url)
        assert result.steady.iterations == 101
        assert result.count == 101


def test_less_iterations_than_generators(tmp_path: Path) -> None:
    result = measure(pause, iterations(2, users=3), LocalFleet(3), tmp_path / "live")
    assert result.steady.iterations == 2


def test_a_loop_that_is_left_with_break_has_finished_its_iteration(tmp_path: Path) -> None:
    async def three(user: Any) -> None:
        async for number in user.iterations():
            await user.think(0.001)
            if number == 2:
                break

    result = measure(three, iterations(10, users=1), InlineFleet(), tmp_path / "live")
    assert result.steady.iterations == 10


def test_an_iteration_that_an_error_ends_is_not_finished_but_those_before_it_are(tmp_path: Path) -> None:
    async def third_fails(user: Any) -> None:
        async for number in user.iterations():
            await user.think(0.001)
            if number == 2:
                raise ValueError("on purpose")

    result = measure(third_fails, iterations(9, users=1), InlineFleet(), tmp_path / "live")
    assert result.steady.iterations == 6
    assert result.errors["ValueError"].count == 3


def test_an_iteration_that_the_end_of_the_load_interrupts_is_not_finished_but_those_before_it_are(
    tmp_path: Path,
) -> None:
    async def third_waits(user: Any) -> None:
        async for number in user.iterations():
            await user.think(0.001)
            if number == 2:
                await asyncio.get_running_loop().create_future()

    profile = constant_users(2, "0.5 s", graceful_stop="0 s")
    result = measure(third_waits, profile, InlineFleet(), tmp_path / "live")
    assert result.steady.iterations == 4


@pytest.mark.parametrize("fleet", ["inline", "two processes"])
def test_a_journey_that_always_raises(fleet: str, tmp_path: Path) -> None:
    async def helper() -> None:
        raise ValueError("no good")

    async def broken(user: Any) -> None:
        del user
        await helper()

    result = measure(broken, constant_users(4, "0.5 s"), FLEETS[fleet](), tmp_path / "live")
    assert (result.users, result.error_rate, result.succeeded) == (0, 1.0, 0)
    assert set(result.operations) == {"journey broken"}
    (error,) = result.errors.values()
    assert error.count == result.failed
    assert 4 <= result.failed <= 4 * 8, "it waits between attempts"
    lines = error.exemplar.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].endswith("in broken")
    assert lines[-1] == "ValueError: no good"


class Failed(BaseException):
    """Like the exception of `pytest.fail`, which is no `Exception`."""


async def cancels_itself(_user: Any) -> None:
    waiting = asyncio.get_running_loop().create_future()
    waiting.cancel()
    await waiting


async def fails(_user: Any) -> None:
    raise Failed("on purpose")


async def raises_uncounted(_user: Any) -> None:
    raise OperationTimeout("nothing came")


@pytest.mark.parametrize(
    ("journey", "kind"), [(cancels_itself, "CancelledError"), (fails, "Failed"), (raises_uncounted, "timeout")]
)
def test_whatever_a_journey_raises_is_counted_and_its_user_goes_on(journey: Any, kind: str, tmp_path: Path) -> None:
    result = measure(journey, constant_users(2, "1.5 s"), InlineFleet(), tmp_path / "live")
    assert list(result.errors) == [kind]
    assert result.failed > 2, "each user tries again"
    assert result.users == 0


def test_what_a_journey_raises_was_never_in_flight(tmp_path: Path) -> None:
    async def thinks_and_raises(user: Any) -> None:
        async for number in user.iterations():
            await user.think(0.1)
            if number == 3:
                raise RuntimeError("no good")

    result = measure(thinks_and_raises, constant_users(4, "1.5 s"), InlineFleet(), tmp_path / "live")
    assert result.failed >= 4
    assert result.steady.failed_histogram.total == 0
    assert result.steady.little is not None
    assert result.steady.little.holds
    assert result.warnings == ()


def test_an_error_that_a_client_has_counted_is_not_counted_again(server: Target, tmp_path: Path) -> None:
    async def refused(user: Any) -> None:
        client = HttpClient("http://127.0.0.1:1", user.recorder, user.http._sweeper)
        await client.get("/x")

    result = measure(refused, constant_users(1, "0.2 s"), InlineFleet(), tmp_path / "live", server.url)
    assert set(result.operations) == {"GET /x"}
    assert list(result.errors) == ["connection refused"]


class EndsSoon:
    """Three arrivals, and 0.1 s for what is in flight when the load is over."""

    def plan(self) -> Plan:
        return replace(arrival_rate("10/s", "0.3 s", max_users=3).plan(), graceful_stop_s=0.1)


@pytest.mark.parametrize(
    "profile",
    [
        constant_users(3, "0.2 s", graceful_stop="0.1 s"),
        EndsSoon(),
    ],
    ids=["closed", "open"],
)
@pytest.mark.parametrize("fleet", ["inline", "two processes"])
def test_what_is_in_flight_gets_the_graceful_stop_and_is_then_interrupted(
    fleet: str, profile: Profile, server: Target, tmp_path: Path
) -> None:
    async def stuck(user: Any) -> None:
        async with user.group("all"):
            await user.http.get("/slow")

    result = measure(stuck, profile, FLEETS[fleet](), tmp_path / "live", server.url)
    assert (result.count, result.interrupted, result.error_rate) == (0, 3, None)
    assert result.groups["all"].interrupted == 3
    assert set(result.operations) == {"GET /slow"}, "groups are never among the operations"


def test_what_a_journey_does_not_wait_for_has_failed(server: Target, tmp_path: Path) -> None:
    async def impatient(user: Any) -> None:
        async for _ in user.iterations():
            try:
                async with asyncio.timeout(0.1), user.group("all"):
                    await user.http.get("/slow")
            except TimeoutError:
                user.record("gave up", user.id)

    result = measure(impatient, constant_users(2, "1 s"), InlineFleet(), tmp_path / "live", server.url)
    assert result.failed == len(result.values["gave up"].items) > 4
    assert (result.error_rate, result.interrupted, list(result.errors)) == (1.0, 0, ["cancelled"])
    assert (result.groups["all"].failed, result.groups["all"].interrupted) == (result.failed, 0)
    assert result.warnings == ()


def test_what_a_journey_does_not_wait_for_is_counted_once_when_it_ends_the_journey(
    server: Target, tmp_path: Path
) -> None:
    async def impatient(user: Any) -> None:
        await asyncio.wait_for(user.http.get("/slow"), 0.1)

    result = measure(impatient, constant_users(2, "0.5 s"), InlineFleet(), tmp_path / "live", server.url)
    assert (set(result.operations), list(result.errors)) == ({"GET /slow"}, ["cancelled"])


def test_a_time_limit_of_the_journey_in_which_nothing_was_asked_is_a_failure_of_the_journey(tmp_path: Path) -> None:
    async def idle(user: Any) -> None:
        async with asyncio.timeout(0.1), user.group("all"):
            await asyncio.sleep(60)

    result = measure(idle, constant_users(2, "0.5 s"), InlineFleet(), tmp_path / "live")
    assert (set(result.operations), list(result.errors)) == ({"journey idle"}, ["TimeoutError"])
    assert list(result.groups["all"].errors) == ["cancelled"]


def test_the_end_of_the_load_ends_a_think_time(tmp_path: Path) -> None:
    async def sleepy(user: Any) -> None:
        async for _ in user.iterations():
            user.record("begun", user.id)
            await user.think(3600)
            user.record("woken", user.id)

    result = measure(sleepy, constant_users(2, "0.2 s"), InlineFleet(), tmp_path / "live")
    assert sorted(result.values["woken"].items) == sorted(result.values["begun"].items) == [0, 1]
    assert result.steady.iterations == 2


def test_generators_that_end_at_different_times_lose_no_second(server: Target, tmp_path: Path) -> None:
    async def uneven(user: Any) -> None:
        for _ in range(1 if user.id % 2 else 120):
            await user.http.get("/x")
            await user.think(0.0 if user.id % 2 else 0.01)

    result = measure(uneven, iterations(2, users=2), LocalFleet(2), tmp_path / "live", server.url)
    assert result.count == 121
    assert total(result.timeline).ok == result.steady.histogram
    assert len(list(result.timeline)) == len((tmp_path / "live").read_text(encoding="utf-8").splitlines()) >= 2


@pytest.mark.parametrize("profile", [constant_users(2, "0.3 s"), iterations(20, users=2)])
@pytest.mark.parametrize("fleet", ["inline", "two processes"])
def test_resources_are_looked_at_where_the_steady_phase_begins_and_ends(
    fleet: str, profile: Any, tmp_path: Path
) -> None:
    for _ in range(2):
        result = measure(pause, profile, FLEETS[fleet](), tmp_path / "live")
        use = result.resources["generator"]
        assert use.looks >= 2
        assert use.memory_peak > 10e6
        assert use.cpu_mean is not None


def test_checks_groups_and_values_come_back(tmp_path: Path) -> None:
    async def checks(user: Any) -> None:
        user.check(user.id == 0, "is first")
        user.record("id", (user.id, user.random.random()))
        with suppress(OperationError):
            async with user.group("trouble"):
                raise OperationError("x", kind="own kind")
        async with user.group("fine"):
            await user.think(0.01)

    result = measure(checks, iterations(2, users=2), LocalFleet(2), tmp_path / "live")
    assert result.steady.checks == {"is first": (1, 1)}
    assert result.errors["check"].count == 1
    assert result.groups["trouble"]._tally.errors["own kind"].count == 2
    assert result.groups["fine"].count == 2
    again = measure(checks, iterations(2, users=2), InlineFleet(), tmp_path / "live")
    assert sorted(result.values["id"].items) == sorted(again.values["id"].items), "the seed decides, not the fleet"


def test_run_inside_an_event_loop_is_a_usage_error(tmp_path: Path) -> None:
    async def inside() -> None:
        measure(pause, constant_users(1, "0.1 s"), InlineFleet(), tmp_path / "live")

    with pytest.raises(UsageError, match="inside an event loop"):
        asyncio.run(inside())


def test_no_target_is_an_error_of_the_journey_that_asks_for_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"test_engine_run\.py:\d+: no target"):
        measure(visit, constant_users(1, "0.1 s"), InlineFleet(), tmp_path / "live")


async def ask_for_what_there_is_not(user: Any) -> None:
    async for number in user.iterations():
        await user.think(0.01)
        if number == 2:
            user.check(number, nam="x")


@pytest.mark.parametrize("fleet", [InlineFleet(), LocalFleet(2)], ids=str)
@pytest.mark.parametrize("profile", [constant_users(3, "1 h"), arrival_rate(50, "1 h", max_users=3)], ids=str)
def test_a_mistake_in_a_journey_ends_the_load_at_once(tmp_path: Path, fleet: Fleet, profile: Profile) -> None:
    with pytest.raises(UsageError) as caught:
        measure(ask_for_what_there_is_not, profile, fleet, tmp_path / "live")
    line = ask_for_what_there_is_not.__code__.co_firstlineno + 4
    told = "no such argument of VirtualUser.check(): 'nam' (allowed: condition, name); did you mean name?"
    assert str(caught.value) == f"{os.path.relpath(__file__)}:{line}: {told}"


def test_what_a_journey_raises_of_its_own_is_counted_and_the_load_goes_on(tmp_path: Path) -> None:
    async def breaks(user: Any) -> None:
        user.think_of(nothing=1) if user.id else int("x", bas=8)  # type: ignore[call-overload]

    result = measure(breaks, constant_users(2, "0.3 s"), InlineFleet(), tmp_path / "live")
    assert result.error_rate == 1
    assert set(result.errors) == {"AttributeError", "TypeError"}


def ended_early(journey: Any, profile: Profile, fleet: str, live: Path, url: str, until: str) -> str:
    """Why a load with this condition ended early."""
    ends = EarlyEnd(until=parse_objective(until))
    return perform(replace(load_of(journey, profile, FLEETS[fleet](), live, url), early_end=ends))[0].ended_early


@pytest.mark.parametrize("fleet", ["inline", "two processes"])
@pytest.mark.parametrize(
    "profile",
    [constant_users(2, "2 s"), constant_users(2, "2.1 s"), constant_users(3, "1.1 s", graceful_stop="2 s")],
    ids=["whole seconds", "a part of one", "a graceful stop"],
)
def test_a_load_that_went_on_to_its_planned_end_did_not_end_early(
    fleet: str, profile: Profile, server: Target, tmp_path: Path
) -> None:
    """The second in which it ended has less of everything, and the graceful stop has nothing."""

    async def steadily(user: Any) -> None:
        async for _ in user.iterations():
            await user.http.get("/slow" if user.id == 2 else "/x")
            await user.think(0.01)

    assert ended_early(steadily, profile, fleet, tmp_path / "live", server.url, "throughput < 25/s") == ""


@pytest.mark.parametrize(("fleet", "idle_s"), [("inline", 1.1), ("two processes", 2.1)])
def test_a_load_that_did_all_its_iterations_did_not_end_early(
    fleet: str, idle_s: float, server: Target, tmp_path: Path
) -> None:
    """Neither the second in which it ended counts, nor what one generator reported when another had long ended."""

    async def burst(user: Any) -> None:
        for _ in range(20):
            await user.http.get("/x")
        if user.id:
            await asyncio.sleep(idle_s)
            await user.http.get("/x")

    profile = iterations(2, users=2)
    assert ended_early(burst, profile, fleet, tmp_path / "live", server.url, "count < 10") == ""
