"""Requests per second and per CPU second beside the peers."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter, sleep

from benchmarks.cores import GENERATOR
from benchmarks.outcome import Cell, Goal, Outcome
from benchmarks.processes import program, started, until
from benchmarks.programs.own import own_run
from benchmarks.rounds import Readings, interleaved, middle, ratio
from benchmarks.servers.nginx import Nginx, nginx

__all__ = ["measure"]

OWN, CHECKING = "pytest-roo-load", "pytest-roo-load, with one check"
USERS, ROUNDS = 64, 3
_SETTLE_S, _WINDOW_S, _LONG = 1.5, 4.0, "30"
_PROGRAMS = Path(__file__).parents[1] / "programs"
_GOALS = (("wrk", 0.5), ("k6", 4.0), ("Locust FastHttpUser", 10.0), ("Locust HttpUser", 35.0))
_ABOUT = f"""
{USERS} keep-alive users ask nginx (one worker, a 103-byte JSON) for `/` again and again without a pause, from one core,
in {ROUNDS} interleaved rounds. Journeys of pytest-roo-load and of Locust are Python, those of k6 JavaScript; wrk, hey
and the bare aiohttp loop have none. pytest-roo-load runs as an ordinary pytest test with everything on: phases,
recording by name, a line per second on disk, verdict, report. nginx counts the requests, and CPU is what the kernel
says of all processes of a contender, within the same {_WINDOW_S:.0f} s: nothing that a contender says of itself is
used. What pytest-roo-load counted over its whole run has to be nginx's count exactly, or this is an error.
"""


def measure() -> Outcome:
    """Everybody against one nginx."""
    with nginx() as server:
        readings = interleaved({name: _contender(server, name) for name in (OWN, *_peers(), CHECKING)}, ROUNDS)
    return Outcome(
        title="HTTP requests per second from one core",
        about=_ABOUT,
        columns=("generator", "requests/s", "× wrk", "CPU µs per request", "we are × faster"),
        rows=tuple(_row(readings, name) for name in readings),
        goals=(
            *(
                Goal(text=f"requests/s, × {peer}", measured=_ours(readings, peer), limit=limit)
                for peer, limit in _GOALS
            ),
            Goal(
                text="CPU per request, × wrk's",
                measured=ratio(readings, (OWN, "wrk"), "cpu_us"),
                limit=2.0,
                at_most=True,
            ),
        ),
        picture="requests/s",
    )


def _ours(readings: Readings, peer: str) -> float | None:
    return ratio(readings, (OWN, peer), "rate")


def _row(readings: Readings, name: str) -> tuple[Cell, ...]:
    return (
        name,
        middle(readings, name, "rate"),
        ratio(readings, (name, "wrk"), "rate"),
        middle(readings, name, "cpu_us"),
        None if name in {OWN, CHECKING} else _ours(readings, name),
    )


def _peers() -> dict[str, Callable[[str], Sequence[str | Path] | None]]:
    """The peers' command lines by URL; None for one that is not installed.

    Whoever comes right after us is compared best: a machine's speed drifts by several percent within a round.
    """
    return {
        "Locust FastHttpUser": lambda url: _locust(url, "Fast"),
        "wrk": lambda url: _installed("wrk", "-t1", f"-c{USERS}", f"-d{_LONG}s", f"{url}/"),
        "hey": lambda url: _installed("hey", "-c", f"{USERS}", "-z", f"{_LONG}s", f"{url}/"),
        "aiohttp, a bare loop": lambda url: (
            *(sys.executable, "-m", "benchmarks.programs.aiohttp_loop", f"{url}/", f"{USERS}", _LONG),
        ),
        "k6": _k6,
        "k6, with one check": _k6,
        "Locust HttpUser": lambda url: _locust(url, "Usual"),
    }


def _installed(name: str, *arguments: str | Path) -> Sequence[str | Path] | None:
    command = program(name)
    return None if command is None else (command, *arguments)


def _k6(_url: str) -> Sequence[str | Path] | None:
    return _installed("k6", "run", "-q", "--no-usage-report", "-u", f"{USERS}", "-d", f"{_LONG}s", _PROGRAMS / "ask.js")


def _locust(url: str, user: str) -> Sequence[str | Path] | None:
    options = ("--headless", "--only-summary", "-u", f"{USERS}", "-r", f"{USERS}", "-t", f"{_LONG}s", "-H", url)
    return _installed("locust", "-f", _PROGRAMS / "locustfile.py", *options, user)


def _contender(server: Nginx, name: str) -> Callable[[], Mapping[str, float]] | None:
    if name in {OWN, CHECKING}:
        return lambda: _our_turn(server, "test_ask" if name == OWN else "test_ask_and_check")
    command = _peers()[name](server.url)
    return None if command is None else lambda: _turn(server, name, command)


def _turn(server: Nginx, name: str, command: Sequence[str | Path]) -> Mapping[str, float]:
    environment = {"TARGET": server.url, "CHECK": "1" if "check" in name else ""}
    with started(command, GENERATOR, environment=environment) as running:
        return observed(server, running.cpu_s)


def _our_turn(server: Nginx, test: str) -> Mapping[str, float]:
    before = server.requests()
    with tempfile.TemporaryDirectory(prefix="roo-benchmark-") as folder:
        with own_run(Path(folder), f"test_ask.py::{test}", server.url) as run:
            reading = observed(server, run.running.cpu_s)
            run.finish()
        told, counted = run.count(), server.requests() - before
    if told != counted:
        raise RuntimeError(f"{told} requests were recorded, the server had {counted}")
    return reading


def observed(server: Nginx, cpu_s: Callable[[], float]) -> Mapping[str, float]:
    """Requests per second and CPU per request, seen from outside, once the load is under way."""
    before = server.requests()
    until(lambda: server.requests() > before + USERS)
    sleep(_SETTLE_S)
    began, requests, cpu = perf_counter(), server.requests(), cpu_s()
    sleep(_WINDOW_S)
    lasted, asked, used = perf_counter() - began, server.requests() - requests, cpu_s() - cpu
    return {"rate": asked / lasted, "cpu_us": used / asked * 1e6}
