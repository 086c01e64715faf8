"""Load models whose arrivals are recorded, or decided while the load runs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import psutil
import pytest
from engine_lab import FLEETS, load_of, measure

from pytest_roo_load.core.feedback import feedback_rate
from pytest_roo_load.core.profiles import constant_users, replay
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.engine.fleet.local import LocalFleet
from pytest_roo_load.engine.runner import perform
from pytest_roo_load.engine.traces import as_recorded, recorded_trace
from pytest_roo_load.errors import UsageError
from pytest_roo_load.testing import FakeUser, OracleServer


async def ask(user: Any) -> None:
    async for _ in user.iterations():
        await user.http.get("/x/1")


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """80 requests at uneven moments over 4 s, with numbers to know them by."""
    path = tmp_path / "trace.jsonl"
    lines = [{"at": number * number / 1600, "method": "GET", "path": f"/x/1?n={number}"} for number in range(80)]
    lines[7] |= {"method": "POST", "json": {"number": 7}}
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("fleet", FLEETS)
def test_every_request_of_a_trace_is_asked_once_in_time(fleet: str, trace: Path, tmp_path: Path) -> None:
    profile = replay(recorded_trace(trace), max_users=80, speed=4.0)
    with OracleServer() as oracle:
        result, (start, _) = perform(load_of(as_recorded, profile, FLEETS[fleet](), tmp_path / "live", oracle.url))
        arrived = {one.path: one.arrived - start for one in oracle.log}
    assert result.arrivals == result.count == len(arrived) == oracle.requests == 80
    assert (result.dropped, result.operations["POST /x/:id"].count) == (0, 1)
    early = [path for path, at_s in arrived.items() if at_s < int(path.rpartition("=")[2]) ** 2 / 6400 - 0.002]
    assert early == []


def test_a_trace_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the file cannot be read: '.*nowhere\.log'"):
        recorded_trace(tmp_path / "nowhere.log")


def test_repeating_without_a_trace_is_refused() -> None:
    with pytest.raises(UsageError, match="no request to repeat"):
        FakeUser(target="http://127.0.0.1:1").perform(as_recorded)


@pytest.mark.parametrize("fleet", ["inline", "two processes"])
def test_a_rate_goes_up_to_where_the_latency_is_held(fleet: str, tmp_path: Path) -> None:
    """Latency far below its limit: the rate grows by 15 % every second, up to the highest."""
    with OracleServer(delay_s=0.001) as oracle:
        profile = feedback_rate("p50 < 5 s", "5 s", max_users=50, rates=("20/s", "40/s"), settle=0)
        result = measure(ask, profile, FLEETS[fleet](), tmp_path / "live", oracle.url)
    per_second = [sum(one.ok.count for one in second.operations.values()) for second in result.timeline]
    assert per_second[0] <= 26, "the first rate, and what a look that comes a quarter second late has seen"
    assert result.dropped == 0
    assert 110 <= result.arrivals <= 160
    assert result.arrivals == result.count == oracle.requests


def test_a_rate_goes_down_where_the_latency_is_beyond_its_limit(tmp_path: Path) -> None:
    """Every answer takes five times as long as is allowed: the rate falls to its lowest, a tenth of the first."""
    with OracleServer(delay_s=0.05) as oracle:
        profile = feedback_rate("p50 < 10 ms", "6 s", max_users=50, rates=("100/s", "200/s"), settle=0)
        result = measure(ask, profile, LocalFleet(1), tmp_path / "live", oracle.url)
    per_second = [sum(one.ok.count for one in second.operations.values()) for second in result.timeline]
    assert per_second[0] > 2 * per_second[5]
    assert 200 <= result.arrivals <= 420


class Late:
    """Steers when the load is over already."""

    def __init__(self, fleet: LocalFleet) -> None:
        self.fleet = fleet
        self.pids: tuple[int, ...] = ()
        self.states: list[str] = []

    def started(self, start: float, pids: tuple[int, ...]) -> None:
        del start
        self.pids = pids

    def second(self, generator: str, second: Second) -> None:
        del generator, second

    async def ended(self, ended_s: float) -> None:
        self.fleet.steer(ended_s + 0.5, 5.0)
        await asyncio.sleep(0.5)
        self.states = [psutil.Process(pid).status() for pid in self.pids]


def test_a_generator_that_is_told_a_rate_too_late_is_still_there_to_be_looked_at(tmp_path: Path) -> None:
    fleet = LocalFleet(2)
    observer = Late(fleet)
    with OracleServer() as oracle:
        shard = load_of(ask, constant_users(4, "1.2 s"), fleet, tmp_path / "live", oracle.url).shard
        outcomes = asyncio.run(fleet.perform(shard, observer))
    assert len(outcomes) == 2
    assert psutil.STATUS_ZOMBIE not in observer.states
    assert len(observer.states) == 2
