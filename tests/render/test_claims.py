from copy import deepcopy

import pytest
from sample_results import JSON, run_of

from pytest_roo_load.render import claims


def objective(metric: str, limit: float, **rest: object) -> JSON:
    return {"metric": metric, "of": None, "phase": "steady", "operator": "<", "limit": limit, **rest}


def test_a_limit_that_was_kept_is_told_with_the_highest_second() -> None:
    run = run_of(p95=[0.9, 0.004, 0.007], objectives=[objective("p95", 3.0)])

    assert claims.latency(run) == "p95 stayed under 3 s: at most 7 ms", "the first second is warm-up"


def test_a_limit_that_was_not_kept_is_told_with_the_number_of_seconds() -> None:
    run = run_of(p95=[9.0, 0.004, 3.5, None, 3.0], objectives=[objective("p95", 3.0)])

    assert claims.latency(run) == "p95 was not under 3 s in 2 of 3 seconds: up to 3.5 s"


def test_a_percentile_of_the_phase_that_was_missed_is_told_where_no_second_shows_it() -> None:
    missed = objective("p95", 3.0) | {"verdict": "fail", "measured": 5.03}
    run = run_of(p95=[0.9, 1.3], objectives=[missed])

    assert claims.latency(run) == "p95 was not under 3 s: 5.03 s of what began in the steady phase"


def test_seconds_after_the_load_are_not_judged() -> None:
    run = run_of(p95=[0.9, 0.004, 0.005, 8.0], objectives=[objective("p95", 3.0)], end=3)

    assert claims.latency(run) == "p95 stayed under 3 s: at most 5 ms"


@pytest.mark.parametrize("change", [{"of": "GET /"}, {"phase": "warm_up"}, {"metric": "mean"}])
def test_without_a_limit_on_the_seconds_their_range_is_told(change: JSON) -> None:
    run = run_of(p95=[0.9, 0.004, 0.007], objectives=[objective("p95", 3.0) | change])

    assert claims.latency(run) == "p95 of each second: 4 ms to 7 ms"


def test_throughput_is_told_with_what_failed() -> None:
    run = run_of(statistics={"count": 100, "failed": 4, "error_rate": 0.04, "throughput": 9.6})
    fine = run_of(statistics={"count": 100, "failed": 0, "error_rate": 0.0, "throughput": 10.0})
    dropping = deepcopy(fine)
    dropping["phases"][0]["dropped"] = 1200

    assert claims.throughput(run) == "9.6/s on average, 4 failed (4 %)"
    assert claims.throughput(fine) == "10/s on average, none failed"
    assert claims.throughput(dropping) == "10/s on average, none failed, 1,200 arrivals dropped"
    assert claims.throughput(run_of()) == "Nothing ended in the steady phase"


def test_users() -> None:
    assert claims.users(run_of(users=[1, 10, 10])) == "10 users in every second"
    assert claims.users(run_of(users=[1, 8, 10])) == "8 to 10 users"


def test_the_busiest_process_is_named() -> None:
    run = run_of(resources={"ccs": {"cpu": [0.9, 0.1, 0.3]}, "redis": {"cpu": [None, 0.2, None]}})

    assert claims.cpu(run) == "ccs was the busiest: at most 30 % of its cores"


def test_memory_is_held_against_its_limit_else_growth_is_told() -> None:
    use = {"ccs": {"memory": [1e6, 100e6, 130e6]}, "redis": {"memory": [1e6, 9e6, 9e6]}}
    flat = {"ccs": {"memory": [1e6, 100e6, 101e6]}}

    kept = run_of(resources=use, objectives=[objective("memory_peak", 500e6)])
    assert claims.memory(kept) == "ccs stayed under 500 MB: at most 130 MB"
    assert claims.memory(run_of(resources=use)) == "ccs grew the most, by 30 %: 100 MB to 130 MB"
    assert claims.memory(run_of(resources=flat)) == "No process grew; ccs is the largest with 101 MB"


@pytest.mark.parametrize("claim", [claims.latency, claims.users, claims.cpu, claims.memory])
def test_nothing_is_claimed_without_values(claim: object) -> None:
    assert callable(claim)
    assert claim({}) == "No second of the steady phase has a value"
