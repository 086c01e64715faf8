"""Open profiles: arrivals are exact, borrow users, are dropped when none is free, count from their intended start."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from engine_lab import FLEETS, Target, load_of, measure, target

from pytest_roo_load.core.feedback import feedback_rate
from pytest_roo_load.core.profiles import arrival_rate, poisson, ramping_rate, spiking_rate
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.engine.fleet.inline import InlineFleet
from pytest_roo_load.engine.generator import Generator


@pytest.fixture(scope="module")
def server() -> Iterator[Target]:
    with target() as result:
        yield result


async def visit(user: Any) -> None:
    await user.http.get("/x/1")
    user.record("who", user.id)


async def prepared(user: Any) -> None:
    """Sets itself up once, then takes one turn after another."""
    user.record("set up", user.id)
    async for _ in user.iterations():
        await user.http.get("/x/1")


async def busy(user: Any) -> None:
    async for _ in user.iterations():
        await user.think(5)


async def broken(user: Any) -> None:
    async for _ in user.iterations():
        raise RuntimeError("no good")


@pytest.mark.parametrize("journey", [visit, prepared])
@pytest.mark.parametrize("fleet", FLEETS)
def test_every_arrival_is_an_iteration(journey: Any, fleet: str, server: Target, tmp_path: Path) -> None:
    before = server.requests
    result = measure(
        journey, arrival_rate("200/s", "1 s", max_users=200), FLEETS[fleet](), tmp_path / "live", server.url
    )
    assert (result.arrivals, result.dropped) == (200, 0)
    assert result.count == result.steady.iterations == 200 == server.requests - before


@pytest.mark.parametrize("fleet", FLEETS)
def test_random_and_rising_arrivals_are_the_same_for_any_number_of_generators(
    fleet: str, server: Target, tmp_path: Path
) -> None:
    random = measure(visit, poisson("100/s", "0.5 s", max_users=100), FLEETS[fleet](), tmp_path / "a", server.url)
    alone = measure(visit, poisson("100/s", "0.5 s", max_users=100), InlineFleet(), tmp_path / "b", server.url)
    assert random.arrivals == alone.arrivals == random.count > 20
    rising = measure(
        visit,
        ramping_rate("100/s", ramp="0.4 s", hold="0.2 s", max_users=100),
        FLEETS[fleet](),
        tmp_path / "c",
        server.url,
    )
    assert rising.phases["ramp"].arrivals + rising.arrivals == 40


@pytest.mark.parametrize("fleet", FLEETS)
def test_every_generator_has_the_users_that_its_arrivals_need(fleet: str, tmp_path: Path) -> None:
    """Of 20 users with the journeys a, b, c, a, ... six are for c: so are 18 of 60 arrivals, whoever begins them."""

    async def journey(name: str, user: Any) -> None:
        user.record(name, user.id)

    journeys = {partial(journey, name): 1.0 for name in "abc"}
    result = measure(journeys, arrival_rate("60/s", "1 s", max_users=20), FLEETS[fleet](), tmp_path / "live")
    assert (result.arrivals, result.dropped) == (60, 0)
    assert {name: len(values.items) for name, values in result.values.items()} == {"a": 21, "b": 21, "c": 18}


@pytest.mark.parametrize("fleet", FLEETS)
def test_no_arrival_counts_for_a_phase_before_its_own(fleet: str, tmp_path: Path) -> None:
    """Each phase begins with an arrival; timers go off a little early, and must not let it begin before its phase."""

    async def note(user: Any) -> None:
        async for _ in user.iterations():
            user.record("id", user.id)

    profile = spiking_rate("50/s", "100/s", before="0.6 s", spike="0.3 s", after="0.3 s", max_users=30)
    plan = profile.plan()
    assert plan.arrivals is not None
    due = [segment.expected for segment in plan.arrivals.segments]
    result = measure(note, profile, FLEETS[fleet](), tmp_path / "live")
    begun = [result.phases[segment.phase].arrivals for segment in plan.arrivals.segments]
    assert sum(begun) == sum(due) == 75
    early = [
        phase for phase, (had, most) in enumerate(zip(accumulate(begun), accumulate(due), strict=True)) if had > most
    ]
    assert early == []


def test_no_arrival_begins_early_because_the_rate_changes(tmp_path: Path) -> None:
    async def note(user: Any) -> None:
        user.record("at", perf_counter())

    profile = feedback_rate("p50 < 5 s", "1.4 s", max_users=9, rates=("2/s", "40/s"), settle=0)
    seconds: list[Second] = []
    generator = Generator(load_of(note, profile, InlineFleet(), tmp_path / "live").shard, seconds.append)

    async def steered() -> tuple[float, list[float]]:
        start = perf_counter() + 0.05
        asyncio.get_running_loop().call_later(0.2, generator.steer, 0.9, 4.0)
        outcome = await generator.run(start)
        return start, outcome.recording.values["at"].items

    start, begun = asyncio.run(steered())
    due = [0.0, 0.5, 0.95, 1.2]
    assert len(begun) == len(due)
    early = [at_s for at_s, begun_at in zip(due, begun, strict=True) if begun_at < start + at_s - 0.001]
    assert early == []


def test_users_are_set_up_beforehand_and_no_more_than_wanted(server: Target, tmp_path: Path) -> None:
    profile = arrival_rate("50/s", "0.5 s", max_users=25, users=3)
    result = measure(prepared, profile, InlineFleet(), tmp_path / "live", server.url)
    assert 3 <= len(result.values["set up"].items) <= 25
    assert sorted(result.values["set up"].items)[:3] == [0, 1, 2]
    assert result.dropped == 0


def test_arrivals_that_find_nobody_are_dropped_and_counted(tmp_path: Path) -> None:
    result = measure(busy, arrival_rate("100/s", "0.5 s", max_users=4), InlineFleet(), tmp_path / "live")
    assert result.arrivals == 50
    assert result.dropped == sum(second.dropped for second in result.timeline) == 46
    assert result.users == 4


def test_a_journey_that_raises_does_not_stop_the_arrivals(tmp_path: Path) -> None:
    result = measure(broken, arrival_rate("40/s", "0.5 s", max_users=10), InlineFleet(), tmp_path / "live")
    assert result.arrivals == 20
    assert result.failed + result.dropped == 20
    assert result.errors["RuntimeError"].count == result.failed >= 10


class Staller:
    """Answers at once, but nobody from the `stall_at`-th request on for `stall_s` seconds."""

    def __init__(self, stall_at: int, stall_s: float) -> None:
        self.stall_at, self.stall_s = stall_at, stall_s
        self.requests = 0
        self.url = ""
        self.listener: asyncio.Server
        self._stalled_until = 0.0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                if self.requests == self.stall_at:
                    self._stalled_until = loop.time() + self.stall_s
                await asyncio.sleep(max(0.0, self._stalled_until - loop.time()))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@contextmanager
def stalling(stall_at: int, stall_s: float) -> Iterator[Staller]:
    staller, ready = Staller(stall_at, stall_s), threading.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        staller.listener = await asyncio.start_server(staller.answer, "127.0.0.1", 0)
        staller.url = f"http://127.0.0.1:{staller.listener.sockets[0].getsockname()[1]}"
        ready.set()

    async def end() -> None:
        answering = asyncio.all_tasks() - {asyncio.current_task()}
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)
        await asyncio.sleep(0.01)  # transports that were closed end in the turns that follow

    def run() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()
        loop.run_until_complete(end())

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    try:
        yield staller
    finally:
        loop.call_soon_threadsafe(staller.listener.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def test_a_stall_is_seen_by_all_who_would_have_come(tmp_path: Path) -> None:
    """100/s and a stall of 1 s: about 100 arrivals are due in it, and the latency of each counts from when it was due.

    Counted from the actual start only the ten that were in flight would be slow.
    """
    with stalling(stall_at=50, stall_s=1.0) as server:
        profile = arrival_rate("100/s", "3 s", max_users=150, users=10)
        result = measure(prepared, profile, InlineFleet(), tmp_path / "live", server.url)
    assert result.arrivals == 300
    assert result.dropped == 0
    slow = result.steady.histogram.count_above(0.1)
    assert slow >= 80
    assert result.percentile(99) is not None


def test_lateness_counts_although_service_was_quick(tmp_path: Path) -> None:
    """Two users, 50/s, a stall of 1 s: most arrivals of the stall are dropped, none of the late ones looks quick."""
    with stalling(stall_at=20, stall_s=1.0) as server:
        profile = arrival_rate("50/s", "2 s", max_users=2)
        result = measure(prepared, profile, InlineFleet(), tmp_path / "live", server.url)
    assert result.arrivals == 100
    assert result.dropped >= 40
    assert result.steady.histogram.count_above(0.9) >= 1


def test_the_first_operation_carries_the_lateness_of_its_iteration() -> None:
    from pytest_roo_load.engine.lateness import LateRecorder  # noqa: PLC0415
    from pytest_roo_load.engine.recorder import PhaseRecorder  # noqa: PLC0415

    recorder = PhaseRecorder("steady")
    late = LateRecorder(recorder)
    late.due(perf_counter() - 2.0)
    for _ in range(2):
        slot = late.slot("GET /")
        slot.started += 1
        slot.ok.append(0.01)
    late.due(perf_counter() - 3.0)
    failing = late.slot("GET /")
    failing.started += 1
    failing.fail(0.01, "timeout", "")
    recorder.collect(0, "steady")
    tally = recorder.recording.phases["steady"].operations["GET /"]
    assert (tally.started, tally.ok.count, tally.failed.count) == (3, 2, 1)
    assert tally.ok.maximum == pytest.approx(2.01, rel=0.01)
    assert tally.ok.minimum == pytest.approx(0.01)
    assert tally.service is not None
    assert tally.service.maximum == pytest.approx(0.01)
    assert tally.failed.maximum == pytest.approx(3.01, rel=0.01)


def test_thinking_before_the_first_operation_is_no_latency(server: Target, tmp_path: Path) -> None:
    async def thinks_first(user: Any) -> None:
        async for _ in user.iterations():
            await user.think(0.6)
            await user.http.get("/x/1")

    result = measure(
        thinks_first, arrival_rate("20/s", "1 s", max_users=20), InlineFleet(), tmp_path / "live", server.url
    )
    assert result.count >= 5, "who has thought before the load ends"
    assert result.steady.histogram.count_above(0.55) == 0


def test_setting_up_the_user_that_an_arrival_needs_is_lateness(server: Target, tmp_path: Path) -> None:
    """The journey does not show that it asks for `iterations()`, so its users are set up with a turn in their hands."""

    async def works(user: Any) -> None:
        await user.think(0.6)
        await prepared(user)

    result = measure(works, arrival_rate("20/s", "1 s", max_users=20), InlineFleet(), tmp_path / "live", server.url)
    assert result.steady.histogram.count_above(0.55) >= 5, "who came while nobody was set up"
