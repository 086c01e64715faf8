"""Our side of the comparisons with pgbench and redis-benchmark."""

from __future__ import annotations

import os

from pytest_roo_load.fixtures.workloads import PostgresStress, RedisStress

WORKLOAD, LOAD, PIPELINE = os.environ.get("WORKLOAD", "read"), os.environ.get("LOAD", "6 s"), os.environ.get("PIPELINE")
CLIENTS = int(os.environ.get("CLIENTS", "8"))


def test_postgres(postgres_stress: PostgresStress) -> None:
    """Everything that a run does is on; all that was acknowledged has to be there."""
    result = postgres_stress.run(WORKLOAD, clients=CLIENTS, duration=LOAD, scale=int(os.environ.get("SCALE", "1")))
    assert all(finding.broken == 0 for finding in result.findings)


def test_redis(redis_stress: RedisStress) -> None:
    """The same keys and values as redis-benchmark has."""
    redis_stress.run(WORKLOAD, clients=CLIENTS, duration=LOAD, pipeline=int(PIPELINE or 1), keys=10_000, value_size=64)
