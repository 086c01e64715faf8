"""A generator that was held up, as by its neighbours, does what its plan says all the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_lab import Target, measure, target

from pytest_roo_load.core.profiles import arrival_rate, constant_users, iterations, spike
from pytest_roo_load.engine import generator
from pytest_roo_load.engine.fleet.inline import InlineFleet


@pytest.fixture(scope="module")
def server() -> Iterator[Target]:
    with target() as result:
        yield result


def hold_up(until_s: float) -> Any:
    """A journey whose first user holds the event loop up until so many seconds after its own begin."""

    async def journey(user: Any) -> None:
        began = time.perf_counter()
        async for number in user.iterations():
            if user.id == 0 and number == 0:
                time.sleep(until_s - (time.perf_counter() - began))  # noqa: ASYNC251 - holding it up is the point
            await user.http.get("/x/1")

    return journey


@pytest.mark.parametrize("held_s", [0.05, 0.19, 0.2, 0.21, 0.3])
def test_iterations_are_counted_exactly_when_the_warm_up_was_held_up(
    held_s: float, server: Target, tmp_path: Path
) -> None:
    profile = iterations(31, users=7, warm_up="0.2 s")
    result = measure(hold_up(held_s), profile, InlineFleet(), tmp_path / "live", server.url)
    assert result.steady.iterations == result.count == 31


def test_a_turn_of_the_warm_up_is_none_of_the_steady_phase(server: Target, tmp_path: Path) -> None:
    async def slow_to_begin(user: Any) -> None:
        await user.think(0.3)
        async for _ in user.iterations():
            await user.http.get("/x/1")

    profile = iterations(31, users=7, warm_up="0.2 s")
    result = measure(slow_to_begin, profile, InlineFleet(), tmp_path / "live", server.url)
    assert result.steady.iterations == 31


@pytest.mark.parametrize("held_s", [0.29, 0.31, 0.59, 0.62, 0.7])
def test_every_phase_has_its_users_when_its_begin_was_held_up(held_s: float, server: Target, tmp_path: Path) -> None:
    profile = spike(2, 9, before="0.3 s", spike="0.3 s", after="1.5 s")
    result = measure(hold_up(held_s), profile, InlineFleet(), tmp_path / "live", server.url)
    users = {name: phase.users for name, phase in result.phases.items()}
    assert users == {"steady": 2, "spike": 9, "recovery": 2}


@pytest.mark.parametrize("held_s", [0.1, 0.3, 0.41])
def test_arrivals_before_the_end_are_iterations_of_their_phase_when_the_end_was_held_up(
    held_s: float, server: Target, tmp_path: Path
) -> None:
    before = server.requests

    async def holds_up(user: Any) -> None:
        if user.id == 0:
            time.sleep(held_s)  # noqa: ASYNC251 - holding it up is the point
        await user.http.get("/x/1")

    profile = arrival_rate("100/s", "0.4 s", max_users=100)
    result = measure(holds_up, profile, InlineFleet(), tmp_path / "live", server.url)
    assert result.arrivals == 40
    assert result.count == result.steady.iterations == server.requests - before == 40 - result.steady.missed
    assert result.dropped == 0


def test_a_load_does_not_end_before_its_plan_where_a_timer_comes_early(
    server: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class EarlyTimers:
        def __getattr__(self, name: str) -> Any:
            return getattr(asyncio, name)

        async def wait(self, tasks: Any, *, timeout: float | None = None, **more: Any) -> Any:  # noqa: ASYNC109
            return await asyncio.wait(tasks, timeout=timeout and timeout - 0.002, **more)

    async def one_request(user: Any) -> None:
        async for _ in user.iterations():
            await user.http.get("/x/1")
            await user.think(0.05)

    monkeypatch.setattr(generator, "asyncio", EarlyTimers())
    result = measure(one_request, constant_users(1, "1 s"), InlineFleet(), tmp_path / "live", server.url)
    assert result.steady.spans == ((0.0, 1.0),)


def test_the_rate_of_users_that_never_wait_is_that_of_the_time_they_took(tmp_path: Path) -> None:
    """One user at a time can do 100 iterations a second, whatever was planned; and all of them get their turns."""

    async def toil(user: Any) -> None:
        async for _ in user.iterations():
            slot = user.recorder.slot("toil")
            slot.started += 1
            time.sleep(0.01)  # noqa: ASYNC251 - as a library would that blocks
            slot.ok.append(0.01)
            user.record("who", user.id)

    result = measure(toil, constant_users(3, "0.5 s"), InlineFleet(), tmp_path / "live")
    assert result.count > 30
    assert result.throughput <= 100 * (0.5 + 0.06) / 0.5
    assert set(result.values["who"].items) == {0, 1, 2}
