"""What is reported equals what servers of exactly known behaviour did, by their own record.

The oracle writes down when it answered, and no latency can be shorter than that. The journey writes down when it had
the answer, and no latency can be longer. Whatever the machine does meanwhile, what is reported lies between the two.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from engine_lab import load_of, measure

from pytest_roo_load.core.profiles import Profile, arrival_rate, constant_users, iterations
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.sla.judge import judge
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.statistics import Statistics
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.engine.fleet.inline import InlineFleet
from pytest_roo_load.engine.fleet.local import LocalFleet
from pytest_roo_load.engine.fleet.strategy import Fleet
from pytest_roo_load.engine.lateness import LateRecorder
from pytest_roo_load.engine.runner import perform
from pytest_roo_load.testing import OracleServer, Stall

QS = (1, 10, 50, 90, 95, 99, 99.9, 100)
ASKED = "GET /x/:id"


async def ask(user: Any) -> None:
    """Logs in, then asks, and writes down each request's number, when it was sent and when it was answered."""
    await user.http.get("/login")
    async for turn in user.iterations():
        number = f"/x/1?n={user.id}.{turn}"
        user.record("begun", number)
        began = perf_counter()
        answer = await user.http.get(number)
        if answer.status == 200:
            user.record("had", (number, began, perf_counter(), len(answer.body)))


def at_rank(values: Sequence[float], q: float) -> float:
    return sorted(values)[max(1, ceil(round(q / 100 * len(values), 9))) - 1]


def check_between(figures: Statistics, least: Sequence[float], most: Sequence[float]) -> None:
    """Each percentile is within 1 % or one bucket of what the server did, or no more above it than the journey saw."""
    assert figures.succeeded == len(least) == len(most)
    for q in QS:
        low, reported, high = at_rank(least, q), figures.percentile(q), at_rank(most, q)
        assert reported is not None
        bucket = max(1e-6, low / 1024)
        assert low - bucket <= reported <= max(high, low * 1.01) * 1.01 + bucket, f"p{q}"


def closed(oracle: OracleServer, profile: Profile, live: Path) -> Result:
    """A closed load, all of whose figures are compared with what the oracle did."""
    result = measure(ask, profile, LocalFleet(1), live, oracle.url)
    served = {one.path: one for one in oracle.log}
    had = result.values["had"].items
    spent = [served[number].answered - served[number].arrived for number, *_ in had]
    check_between(result.operations[ASKED], spent, [end - began for _, began, end, _ in had])
    assert result.count == oracle.requests == len(oracle.log)
    return result


def opened(
    oracle: OracleServer, profile: tuple[float, Profile], fleet: Fleet, live: Path
) -> tuple[Result, list[float]]:
    """An open load, compared the same way from the moments at which its arrivals were due; the least latencies."""
    rate, plan = profile
    result, (start, _) = perform(load_of(ask, plan, fleet, live, oracle.url))
    due = {number: start + place / rate for place, number in enumerate(result.values["begun"].items)}
    served = {one.path: one for one in oracle.log}
    had = result.values["had"].items
    least = [served[number].answered - due[number] for number, *_ in had]
    most = [end - min(due[number], began) for number, began, end, _ in had]  # timers may be half a millisecond early
    check_between(result.operations[ASKED], least, most)
    assert result.arrivals == len(due)
    return result, least


def test_a_fixed_delay(tmp_path: Path) -> None:
    with OracleServer(delay_s=0.03) as oracle:
        result = closed(oracle, iterations(400, users=10), tmp_path / "live")
    assert result.operations[ASKED].count == 400
    assert result.steady.minimum is not None
    assert result.steady.minimum >= 0.03
    assert result.warnings == ()


def test_two_delays_and_the_share_of_each(tmp_path: Path) -> None:
    """Of ten requests one takes 0.15 s, the others 0.02 s: 10 % of the latencies are above 0.15 s, so p90 is not."""
    with OracleServer(delay_s=lambda number: 0.02 if number % 10 else 0.15) as oracle:
        result = closed(oracle, iterations(500, users=10), tmp_path / "live")
    assert result.steady.histogram.count_above(0.149) >= 51
    assert sum(one.answered - one.arrived >= 0.15 for one in oracle.log) == 51


def test_a_share_of_errors_and_the_bytes(tmp_path: Path) -> None:
    """Every 25th request fails; they are counted exactly, and their latencies stand apart."""
    page = b"\x00\xff" * 10_000
    answers = {"GET /x/:id": page, "GET /login": {}}
    with OracleServer(delay_s=0.01, error_share=0.04, answers=answers) as oracle:
        result = closed(oracle, iterations(300, users=5), tmp_path / "live")
    failed = [one for one in oracle.log if one.status == 500]
    assert result.failed == oracle.errors == len(failed) == 12
    assert {kind: error.count for kind, error in result.errors.items()} == {"status 500": 12}
    assert result.error_rate == 12 / 305
    assert result.steady.failed_histogram.count == 12
    assert sum(length for *_, length in result.values["had"].items) == len(page) * (300 - 12)
    assert sum(one.body_bytes for one in oracle.log if one.status == 200 and "/x/" in one.path) == len(page) * 288


def test_a_duration_ends_with_what_is_in_flight(tmp_path: Path) -> None:
    with OracleServer(delay_s=0.02) as oracle:
        result = closed(oracle, constant_users(20, "1 s"), tmp_path / "live")
    assert result.interrupted == 0


def stalled(live: Path) -> tuple[Result, list[float]]:
    """100 arrivals a second, and after one second a stall of two, in which new users can not even log in."""
    profile = arrival_rate("100/s", "4 s", max_users=300, users=20)
    with OracleServer(delay_s=0.005, stall=Stall(at=120, length_s=2.0)) as oracle:
        return opened(oracle, (100.0, profile), InlineFleet(), live)


def test_a_stall_delays_all_who_would_have_come(tmp_path: Path) -> None:
    """A stall of 2 s at 100/s: about 200 arrivals are due in it, and all of them are seen to be late."""
    result, least = stalled(tmp_path / "live")
    late = result.operations[ASKED].histogram.count_above(0.1)
    assert (result.arrivals, result.dropped, result.steady.missed) == (400, 0, 0)
    assert sum(latency > 0.1 for latency in least) <= late
    assert late >= 180
    assert judge(parse_objective("p50 < 100 ms"), result).verdict is not Verdict.PASS


def test_latency_from_the_actual_start_would_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of the stall fails when latencies count from when a request was sent, as many tools have it."""
    monkeypatch.setattr(LateRecorder, "due", lambda _recorder, _intended: None)
    with pytest.raises(AssertionError, match="p"):
        stalled(tmp_path / "live")


def test_an_open_load_on_an_oracle(tmp_path: Path) -> None:
    with OracleServer(delay_s=0.02) as oracle:
        result, _ = opened(
            oracle, (200.0, arrival_rate("200/s", "2 s", max_users=100)), LocalFleet(1), tmp_path / "live"
        )
    assert result.arrivals == result.operations[ASKED].count == 400
    assert result.steady.missed == 0


async def toil(user: Any) -> None:
    async for _ in user.iterations():
        time.sleep(0.02)  # noqa: ASYNC251 - it holds up its generator, which is the point
        await user.http.get("/x/1")


def test_a_generator_that_cannot_keep_its_schedule_says_so(tmp_path: Path) -> None:
    """100 arrivals a second of 20 ms each are twice what one generator can begin."""
    with OracleServer() as oracle:
        result = measure(
            toil, arrival_rate("100/s", "1.5 s", max_users=200), LocalFleet(1), tmp_path / "live", oracle.url
        )
    assert result.arrivals == 150
    assert result.generators[0].behind is not None
    assert result.generators[0].behind > 0.1
    assert any("so far behind its schedule" in problem for problem in result.problems)
    assert judge(parse_objective("p95 < 1 min"), result).verdict is Verdict.INVALID
    assert judge(parse_objective("throughput > 1/s"), result).verdict is Verdict.PASS
