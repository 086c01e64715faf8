"""Commands per second beside redis-benchmark."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter, sleep
from urllib.parse import urlsplit

import redis

from benchmarks.cores import GENERATOR
from benchmarks.outcome import Cell, Goal, Outcome
from benchmarks.processes import Running, program, started, until
from benchmarks.programs.own import own_run
from benchmarks.rounds import Readings, interleaved, middle, ratio
from benchmarks.servers.embedded import embedded

__all__ = ["measure"]

OWN, PEER = "redis_stress", "redis-benchmark"
CLIENTS, ROUNDS, KEYS = 50, 3, 10_000
_LOAD_S, _SETTLE_S, _WINDOW_S = 5, 1.0, 2.5
_CASES = {
    f"{command}, pipeline of {pipeline}": (command, pipeline) for pipeline in (1, 16) for command in ("GET", "SET")
}
_ABOUT = f"""
{CLIENTS} clients in a closed loop from one core, Redis on the other, {KEYS:,} keys at random, values of 64 bytes,
{ROUNDS} interleaved rounds. redis_stress runs as an ordinary pytest test with everything on, and each command is
recorded, those of a pipeline too. Redis counts the commands, and CPU is what the kernel says of all processes of a
contender, within the same {_WINDOW_S:g} s: nothing that a contender says of itself is used.
"""


def measure() -> Outcome:
    """GET and SET, one at a time and sixteen at once."""
    with embedded("redis") as url:
        readings = {name: _compared(url, *case) for name, case in _CASES.items()}
    return Outcome(
        title="Redis commands per second from one core",
        about=_ABOUT,
        columns=("generator and command", "commands/s", "× redis-benchmark", "CPU µs per command"),
        rows=tuple(_row(name, readings[name], one) for name in _CASES for one in (OWN, PEER)),
        goals=tuple(
            Goal(text=f"{name}, × redis-benchmark", measured=ratio(found, (OWN, PEER), "rate"), limit=0.5)
            for name, found in readings.items()
        ),
    )


def _row(name: str, readings: Readings, one: str) -> tuple[Cell, ...]:
    rate, cpu = middle(readings, one, "rate"), middle(readings, one, "cpu_us")
    return f"{one}, {name}", rate, ratio(readings, (one, PEER), "rate"), cpu


def _compared(url: str, command: str, pipeline: int) -> Readings:
    peer = program("redis-benchmark")
    contenders: dict[str, Callable[[], Mapping[str, float]] | None] = {
        OWN: lambda: _ours(url, command, pipeline),
        PEER: None if peer is None else lambda: _theirs(peer, url, command, pipeline),
    }
    return interleaved(contenders, ROUNDS)


def _theirs(peer: str, url: str, command: str, pipeline: int) -> Mapping[str, float]:
    base = [peer, "-h", "127.0.0.1", "-p", f"{urlsplit(url).port}", "-c", f"{CLIENTS}", "-r", f"{KEYS}", "-d", "64"]
    subprocess.run([*base, "-t", "set", "-n", "50000", "-P", "16", "-q"], check=True, capture_output=True)
    with started(
        [*base, "-t", command.lower(), "-P", f"{pipeline}", "-n", "1000000", "-l", "-q"], GENERATOR
    ) as running:
        return _observed(url, running)


def _ours(url: str, command: str, pipeline: int) -> Mapping[str, float]:
    environment = {
        "WORKLOAD": command.lower(),
        "PIPELINE": f"{pipeline}",
        "CLIENTS": f"{CLIENTS}",
        "LOAD": f"{_LOAD_S} s",
    }
    target = f"http://127.0.0.1:{urlsplit(url).port}"
    with tempfile.TemporaryDirectory(prefix="roo-benchmark-") as folder:
        options = ("--roo-redis", url)
        with own_run(Path(folder), "test_stress.py::test_redis", target, *options, environment=environment) as run:
            run.until_loading()
            reading = _observed(url, run.running)
            run.finish()
    return reading


def _observed(url: str, running: Running) -> Mapping[str, float]:
    """Commands per second and CPU per command, seen from outside, once the load is under way."""
    with redis.Redis.from_url(url) as client:

        def commands() -> int:
            return int(client.info("stats")["total_commands_processed"])

        before = commands()
        until(lambda: commands() > before + 20_000)
        sleep(_SETTLE_S)
        began, done, cpu = perf_counter(), commands(), running.cpu_s()
        sleep(_WINDOW_S)
        lasted, number, used = perf_counter() - began, commands() - done, running.cpu_s() - cpu
    return {"rate": number / lasted, "cpu_us": used / number * 1e6}
