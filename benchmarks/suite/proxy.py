"""The chaos proxy without a toxic, beside no proxy and beside HAProxy in TCP mode."""

from __future__ import annotations

import re
import resource
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from sys import executable
from time import perf_counter

from benchmarks.cores import GENERATOR, SERVER, pinned
from benchmarks.outcome import Cell, Goal, Outcome
from benchmarks.processes import Running, program, started, until
from benchmarks.rounds import Readings, interleaved, middle, ratio
from pytest_roo_load.services.ports import free_port

__all__ = ["measure"]

DIRECT, OWN, PEER = "no proxy", "pytest-roo-load", "HAProxy 2, one thread"
ROUNDS, USERS, CONNECTIONS, PINGS, BULK = 3, 64, 5000, 4000, 2 << 30
_SECONDS = 2
_HAPROXY = """
global
    maxconn 9000
    nbthread 1
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
"""
_ABOUT = f"""
A server on one core; the client and the proxy share the other one. Requests: {USERS} keep-alive users of wrk ask a
Python server (aiohttp) for a small JSON. WebSocket: on {USERS} connections to it, 64 bytes go there and back, again and
again. Bulk: one connection sends {BULK / 1e9:.1f} GB to a server that swallows them; per core is what the proxy carried
by the CPU time that it used for it. Round trips: 64 bytes there and back, one at a time, {PINGS} times; "added" is the
difference of the medians. Connections: {CONNECTIONS} are opened one after another, then each is used once; memory is
what the proxy's process grew by. {ROUNDS} interleaved rounds, medians.
"""
Reading = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where the three servers are reached."""

    web: int
    echo: int
    sink: int


def measure() -> Outcome:
    """Everybody against the same servers."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with _servers() as servers, pinned(GENERATOR):
        readings = interleaved({name: _contender(name, servers) for name in (DIRECT, OWN, PEER)}, ROUNDS)
    added = {name: _added(readings, name) for name in (OWN, PEER)}
    return Outcome(
        title="The chaos proxy without a toxic",
        about=_ABOUT,
        columns=(
            *(
                "proxy",
                "requests/s",
                "× no proxy",
                "WebSocket round trips/s",
                "× no proxy",
                "bulk GB/s",
                "bulk GB/s per core",
                "round trip µs",
                "added µs",
            ),
            *(f"{CONNECTIONS} connections opened, s", "KB per connection"),
        ),
        rows=tuple(_row(readings, name, added.get(name)) for name in readings),
        goals=(
            Goal(text="requests/s, × no proxy", measured=ratio(readings, (OWN, DIRECT), "rate"), limit=0.6),
            Goal(
                text="WebSocket round trips/s, × no proxy", measured=ratio(readings, (OWN, DIRECT), "talk"), limit=0.6
            ),
            Goal(text="bulk GB/s per core", measured=middle(readings, OWN, "per_core"), limit=1.0),
            Goal(text="added to a round trip at the median, µs", measured=added[OWN], limit=100.0, at_most=True),
            Goal(text="connections at once", measured=middle(readings, OWN, "connections"), limit=float(CONNECTIONS)),
        ),
    )


def _row(readings: Readings, name: str, added: float | None) -> tuple[Cell, ...]:
    direct = name == DIRECT
    return (
        name,
        middle(readings, name, "rate"),
        None if direct else ratio(readings, (name, DIRECT), "rate"),
        middle(readings, name, "talk"),
        None if direct else ratio(readings, (name, DIRECT), "talk"),
        middle(readings, name, "bulk"),
        None if direct else middle(readings, name, "per_core"),
        middle(readings, name, "trip_us"),
        added,
        middle(readings, name, "open_s"),
        None if direct else middle(readings, name, "kilobytes"),
    )


def _added(readings: Readings, name: str) -> float | None:
    differences = [
        one["trip_us"] - other["trip_us"] for one, other in zip(readings[name], readings[DIRECT], strict=False)
    ]
    return median(differences) if differences else None


@contextmanager
def _servers() -> Iterator[Ports]:
    with tempfile.TemporaryDirectory(prefix="roo-benchmark-") as folder:
        told, web = Path(folder) / "ports", free_port()
        with (
            started((executable, "-m", "benchmarks.programs.tcp_server"), SERVER, log=told),
            started((executable, "-m", "benchmarks.programs.web_server", f"{web}"), SERVER),
        ):
            until(lambda: told.read_text().endswith("\n") and _answers(web))
            echo, sink = map(int, told.read_text().split())
            yield Ports(web=web, echo=echo, sink=sink)


def _contender(name: str, servers: Ports) -> Callable[[], Reading] | None:
    if name == DIRECT:
        return lambda: _reading(servers, None)
    if name == PEER and program("haproxy") is None:
        return None
    return lambda: _through(name, servers)


def _through(name: str, servers: Ports) -> Reading:
    ports = Ports(web=free_port(), echo=free_port(), sink=free_port())
    pairs = [(one, getattr(ports, one), getattr(servers, one)) for one in ("web", "echo", "sink")]
    with tempfile.TemporaryDirectory(prefix="roo-benchmark-") as folder:
        if name == OWN:
            links = [text for one, port, server in pairs for text in ("--link", f"{one}={port}:127.0.0.1:{server}")]
            command = [executable, "-m", "pytest_roo_load.chaos", *links]
        else:
            lines = "".join(
                f"listen {one}\n    bind 127.0.0.1:{port}\n    server it 127.0.0.1:{server}\n"
                for one, port, server in pairs
            )
            (Path(folder) / "it.cfg").write_text(_HAPROXY + lines)
            command = [str(program("haproxy")), "-db", "-f", f"{folder}/it.cfg"]
        with started(command, GENERATOR) as proxy:
            until(lambda: _answers(ports.web))
            return _reading(ports, proxy)


def _reading(ports: Ports, proxy: Running | None) -> Reading:
    bulk, per_core = _bulk(ports.sink, proxy)
    return {
        "rate": _requests(ports.web),
        "talk": _talk(ports.web),
        "bulk": bulk,
        "per_core": per_core,
        "trip_us": _round_trip(ports.echo) * 1e6,
        **_many(ports.echo, proxy),
    }


def _requests(port: int) -> float:
    wrk = program("wrk")
    if wrk is None:
        raise RuntimeError("wrk is needed and not installed")
    command = [wrk, "-t1", f"-c{USERS}", f"-d{_SECONDS}s", f"http://127.0.0.1:{port}/"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if found is None or "Socket errors" in output:
        raise RuntimeError(f"wrk could not ask:\n{output}")
    return float(found[1])


def _talk(port: int) -> float:
    """WebSocket round trips a second."""
    command = [executable, "-m", "benchmarks.programs.talk", f"{port}", f"{USERS}", f"{_SECONDS}"]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _bulk(port: int, proxy: Running | None) -> tuple[float, float]:
    """GB/s, and GB per CPU second of the proxy."""
    block, used = bytes(1 << 20), proxy.cpu_s() if proxy else 0.0
    with _connect(port) as one:
        began = perf_counter()
        for _ in range(BULK // len(block)):
            one.sendall(block)
        one.shutdown(socket.SHUT_WR)
        if one.recv(1) != b"k":
            raise RuntimeError("the server has not had all of it")
        lasted = perf_counter() - began
    return BULK / lasted / 1e9, BULK / (proxy.cpu_s() - used) / 1e9 if proxy else 0.0


def _round_trip(port: int) -> float:
    message, trips = b"x" * 64, []
    with _connect(port) as one:
        for _ in range(PINGS):
            began = perf_counter()
            one.sendall(message)
            one.recv(len(message))
            trips.append(perf_counter() - began)
    return median(trips)


def _many(port: int, proxy: Running | None) -> Reading:
    before, began = proxy.resident_bytes() if proxy else 0, perf_counter()
    open_now = [_connect(port) for _ in range(CONNECTIONS)]
    lasted = perf_counter() - began
    try:
        for one in open_now:
            one.sendall(b"x")
        answered = sum(one.recv(1) == b"x" for one in open_now)
        grown = (proxy.resident_bytes() if proxy else 0) - before
    finally:
        for one in open_now:
            one.close()
    return {"open_s": lasted, "connections": float(answered), "kilobytes": grown / 1e3 / CONNECTIONS}


def _connect(port: int) -> socket.socket:
    one = socket.create_connection(("127.0.0.1", port), timeout=30)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
