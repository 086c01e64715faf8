"""What the reference CCS costs beside the least that a server in aiohttp does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping

import psutil

from benchmarks.cores import GENERATOR, pinned
from benchmarks.outcome import Goal, Outcome
from benchmarks.processes import ROOT
from benchmarks.rounds import Readings, interleaved, middle, ratio
from benchmarks.servers.ccs import Served, bare_server, reference_ccs

__all__ = ["measure"]

USERS, CONNECTIONS, ROUNDS = 32, 2500, 3
_WINDOW_S, _CONNECT_S = 3.0, 90.0
_IDLE_MB, _CONNECTED_MB = 120.0, 300.0
_HTTP, _WEBSOCKET = "a bare aiohttp handler", "a bare aiohttp echo"
_BESIDE = {"GET /health": (_HTTP, 0.35), "profile": (_HTTP, 0.25), "post a message": (_HTTP, 0.08),
           "WebSocket forward with ack": (_WEBSOCKET, 0.5)}  # fmt: skip
_KINDS = {"GET /health": "health", "profile": "profile", "post a message": "post",
          "WebSocket forward with ack": "forward", _HTTP: "bare", _WEBSOCKET: "echo"}  # fmt: skip
_ABOUT = f"""
{USERS} users ask without a pause, in {ROUNDS} interleaved rounds. The server has a core for itself; PostgreSQL, Redis
and the users share the other. So the users may not keep the server busy all of the time, and what is compared is
operations per second of the server's CPU time, as the kernel counts it: what one core carries. `GET /health` asks the
database once; the profile reads a token, a cached session and one row; a message is one transaction that is committed;
a forwarded message goes in once and out twice, to its device and as the word of delivery. Memory is the resident memory
of the server's process after its start, and with {CONNECTIONS:,} registered WebSockets of as many users.
"""


def measure() -> Outcome:
    """Everything against its bare counterpart, in turns."""
    with reference_ccs() as ccs, bare_server() as bare:
        idle_mb = _resident_mb(ccs)
        contenders = {name: _contender(bare if name in {_HTTP, _WEBSOCKET} else ccs, name) for name in _KINDS}
        readings = interleaved(contenders, ROUNDS)
        connected_mb = _connected_mb(ccs)
    return Outcome(
        title="The reference CCS on one core",
        about=_ABOUT,
        columns=("operation", "per second of CPU", "per second, as loaded", "CPU µs each", "× bare"),
        rows=(
            *((name, *_figures(readings, name)) for name in _KINDS),
            ("resident MB, idle", idle_mb, None, None, None),
            (f"resident MB, {CONNECTIONS:,} WebSockets", connected_mb, None, None, None),
        ),
        goals=(
            *(
                Goal(text=f"{name}, × bare", measured=_ratio(readings, name), limit=_BESIDE[name][1])
                for name in _BESIDE
            ),
            Goal(text="resident MB, idle", measured=idle_mb, limit=_IDLE_MB, at_most=True),
            Goal(
                text=f"resident MB, {CONNECTIONS:,} WebSockets",
                measured=connected_mb,
                limit=_CONNECTED_MB,
                at_most=True,
            ),
        ),
    )


def _figures(readings: Readings, name: str) -> tuple[float | None, ...]:
    return *(middle(readings, name, what) for what in ("per_cpu_s", "rate", "cpu_us")), _ratio(readings, name)


def _at_least(readings: Readings, name: str) -> Goal:
    return Goal(text=f"{name}, × bare", measured=_ratio(readings, name), limit=_BESIDE[name][1])


def _ratio(readings: Readings, name: str) -> float | None:
    return ratio(readings, (name, _BESIDE[name][0]), "per_cpu_s") if name in _BESIDE else None


def _contender(server: Served, name: str) -> Callable[[], Mapping[str, float]]:
    url, pid = server

    def turn() -> Mapping[str, float]:
        with pinned(GENERATOR):
            told = subprocess.run(
                _load(url, _KINDS[name], USERS, pid), cwd=ROOT, stdout=subprocess.PIPE, timeout=60, check=True
            )
        reading: dict[str, float] = json.loads(told.stdout)
        return reading | {"per_cpu_s": 1e6 / reading["cpu_us"]}

    return turn


def _load(url: str, kind: str, users: int, pid: int) -> list[str]:
    program = [sys.executable, "-m", "benchmarks.programs.ccs_load"]
    return [*program, url, kind, str(users), str(_WINDOW_S), str(pid)]


def _connected_mb(ccs: Served) -> float:
    """Resident memory with all WebSockets open."""
    url, pid = ccs
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with pinned(GENERATOR):
        holding = subprocess.Popen(
            _load(url, "connections", CONNECTIONS, pid), cwd=ROOT, stdout=subprocess.PIPE, env=environment
        )
    try:
        assert holding.stdout is not None
        if not holding.stdout.readline():
            raise RuntimeError(f"not all of {CONNECTIONS:,} WebSockets could be opened")
        return _resident_mb(ccs)
    finally:
        holding.kill()
        holding.communicate()


def _resident_mb(server: Served) -> float:
    return float(psutil.Process(server[1]).memory_info().rss / 1e6)
