"""Transactions per second beside pgbench."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import sleep
from urllib.parse import urlsplit

from benchmarks.cores import GENERATOR
from benchmarks.outcome import Cell, Goal, Outcome
from benchmarks.processes import Running, started
from benchmarks.programs.own import own_run
from benchmarks.rounds import Readings, interleaved, middle, ratio
from benchmarks.servers.embedded import embedded
from pytest_roo_load.services.binaries import find_postgres

__all__ = ["measure"]

OWN, PEER = "postgres_stress", "pgbench -M prepared"
CLIENTS, SCALE, ROUNDS = 8, 8, 3
_LOAD_S, _SETTLE_S, _WINDOW_S = 6, 1.5, 3.0
_WORKLOADS = {"select-only": ("read", "-S"), "TPC-B": ("tpcb", "-b", "tpcb-like")}
_ABOUT = f"""
{CLIENTS} clients in a closed loop from one core, PostgreSQL without fsync on the other, tables of scale {SCALE} (a
branch for each client, as pgbench advises), {ROUNDS} interleaved rounds of {_LOAD_S} s. pgbench prepares its
statements. postgres_stress runs as an ordinary pytest test with everything on: each statement is timed and recorded by
name, a line per second is written, and afterwards every acknowledged commit has to be there. Rates are what each says
of itself; CPU is what the kernel says of the contender's processes within {_WINDOW_S:.0f} s.
"""


def measure() -> Outcome:
    """Both kinds of transactions, each against one server."""
    with embedded("postgres") as dsn:
        subprocess.run(_pgbench(dsn, "-i", "-q", "-s", f"{SCALE}"), check=True, capture_output=True)
        readings = {name: _compared(dsn, name) for name in _WORKLOADS}
    return Outcome(
        title="Transactions per second from one core",
        about=_ABOUT,
        columns=("generator and transaction", "transactions/s", "× pgbench", "CPU µs per transaction"),
        rows=tuple(_row(name, readings[name], one) for name in _WORKLOADS for one in (OWN, PEER)),
        goals=tuple(
            Goal(text=f"{name}, × pgbench", measured=ratio(found, (OWN, PEER), "rate"), limit=1.0)
            for name, found in readings.items()
        ),
    )


def _row(name: str, readings: Readings, one: str) -> tuple[Cell, ...]:
    rate, cpu = middle(readings, one, "rate"), middle(readings, one, "cpu_us")
    return f"{one}, {name}", rate, ratio(readings, (one, PEER), "rate"), cpu


def _compared(dsn: str, name: str) -> Readings:
    workload, *options = _WORKLOADS[name]
    contenders: dict[str, Callable[[], Mapping[str, float]]] = {
        OWN: lambda: _ours(dsn, workload),
        PEER: lambda: _theirs(dsn, options),
    }
    return interleaved(contenders, ROUNDS)


def _pgbench(dsn: str, *arguments: str) -> list[str]:
    parts = urlsplit(dsn)
    where = ("-h", parts.hostname or "", "-p", f"{parts.port}", "-U", parts.username or "")
    return [find_postgres().path("pgbench"), *where, *arguments, parts.path.strip("/")]


def _theirs(dsn: str, options: list[str]) -> Mapping[str, float]:
    load = ("-n", "-M", "prepared", "-c", f"{CLIENTS}", "-j", "1", "-T", f"{_LOAD_S}", *options)
    with tempfile.TemporaryDirectory(prefix="roo-benchmark-") as folder:
        log = Path(folder) / "output"
        with started(_pgbench(dsn, *load), GENERATOR, log=log) as running:
            sleep(_SETTLE_S)
            cores = _cores(running)
            running.wait(60.0)
        rate = re.search(r"tps = ([\d.]+)", log.read_text(encoding="utf-8"))
    assert rate is not None
    return {"rate": float(rate[1]), "cpu_us": cores / float(rate[1]) * 1e6}


def _ours(dsn: str, workload: str) -> Mapping[str, float]:
    port = urlsplit(dsn).port
    environment = {"WORKLOAD": workload, "LOAD": f"{_LOAD_S} s", "CLIENTS": f"{CLIENTS}", "SCALE": f"{SCALE}"}
    with tempfile.TemporaryDirectory(prefix="roo-benchmark-") as folder:
        target = f"http://127.0.0.1:{port}"
        options = ("--roo-postgres", dsn)
        with own_run(Path(folder), "test_stress.py::test_postgres", target, *options, environment=environment) as run:
            run.until_loading()
            sleep(_SETTLE_S)
            cores = _cores(run.running)
            run.finish()
        rate = next(fact["value"] for fact in run.record()["facts"] if fact["name"] == "transactions per second")
    return {"rate": rate, "cpu_us": cores / rate * 1e6}


def _cores(running: Running) -> float:
    """How much of a core a contender uses."""
    before = running.cpu_s()
    sleep(_WINDOW_S)
    return (running.cpu_s() - before) / _WINDOW_S
