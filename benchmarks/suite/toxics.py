"""What the chaos proxy's toxics do, measured from outside."""

from __future__ import annotations

import asyncio
import json
import tempfile
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from sys import executable
from time import perf_counter
from typing import Any

from benchmarks.cores import GENERATOR, SERVER, pinned
from benchmarks.outcome import Goal, Outcome
from benchmarks.processes import started, until

__all__ = ["measure"]

LATENCY_S, JITTER_S, RATE, LOSS = 0.2, 0.05, 1_000_000, 0.05
USERS, TRIPS, BYTES = 50, 25, 4_000_000
STALL_S = 0.19  # a lost packet is sent again after 200 ms
_ABOUT = f"""
Clients on one core, the server and the proxy on the other. Latency: {USERS * TRIPS} round trips of {USERS} connections
with the toxic on the answers, against as many without it. Bandwidth: {BYTES / 1e6:.0f} MB over one connection. Loss: of
{USERS * TRIPS * 3} messages of one packet each, how many took longer than {STALL_S * 1e3:.0f} ms; the goal is in
standard errors of that share (99 of 100 lie within 2.58).
"""


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """A proxy between us and a server."""

    control: str
    echo: int
    sink: int

    @contextmanager
    def toxic(self, link: str, kind: str, direction: str, **settings: float) -> Iterator[None]:
        """Put a toxic on a link."""
        self._ask("POST", f"/links/{link}/toxics", {"kind": kind, "direction": direction, "settings": settings})
        try:
            yield
        finally:
            self._ask("DELETE", f"/links/{link}/toxics/{kind}")

    def _ask(self, method: str, path: str, data: Any = None) -> None:
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.control + path, method=method, data=body)  # noqa: S310 - our own
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310
            pass


def measure() -> Outcome:
    """Latency, bandwidth and loss."""
    with _proxy() as proxy, pinned(GENERATOR):
        plain = _run(_trips(proxy.echo, TRIPS))
        with proxy.toxic("echo", "latency", "downstream", latency_s=LATENCY_S, jitter_s=JITTER_S):
            slow = _run(_trips(proxy.echo, TRIPS))
        with proxy.toxic("sink", "bandwidth", "upstream", rate=RATE):
            rate = BYTES / _run(_swallow(proxy.sink))
        with proxy.toxic("echo", "loss", "downstream", rate=LOSS):
            lossy = _run(_trips(proxy.echo, TRIPS * 3))
    added, lost = mean(slow) - mean(plain), sum(trip > STALL_S for trip in lossy) / len(lossy)
    errors = abs(lost - LOSS) / sqrt(LOSS * (1 - LOSS) / len(lossy))
    return Outcome(
        title="What toxics do, measured from outside",
        about=_ABOUT,
        columns=("toxic", "asked for", "measured", "off by, %"),
        rows=(
            ("latency, ms", LATENCY_S * 1e3, added * 1e3, _off(added, LATENCY_S)),
            ("jitter, ms (standard deviation)", 2 * JITTER_S / sqrt(12) * 1e3, stdev(slow) * 1e3, None),
            ("bandwidth, MB/s", RATE / 1e6, rate / 1e6, _off(rate, RATE)),
            ("loss, %", LOSS * 100, lost * 100, _off(lost, LOSS)),
        ),
        goals=(
            Goal(text="latency is off by %", measured=_off(added, LATENCY_S), limit=2.0, at_most=True),
            Goal(text="bandwidth is off by %", measured=_off(rate, RATE), limit=3.0, at_most=True),
            Goal(text="loss is off by standard errors", measured=errors, limit=2.58, at_most=True),
        ),
    )


def _off(measured: float, wanted: float) -> float:
    return abs(measured / wanted - 1) * 100


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


async def _trips(port: int, number: int) -> list[float]:
    """The times of round trips of all users, which begin evenly over a trip's time."""

    async def _user(place: int) -> list[float]:
        await asyncio.sleep(place * LATENCY_S / USERS)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        times = []
        for _ in range(number):
            began = perf_counter()
            writer.write(b"x" * 64)
            await reader.readexactly(64)
            times.append(perf_counter() - began)
        writer.close()
        return times

    return [one for times in await asyncio.gather(*map(_user, range(USERS))) for one in times]


async def _swallow(port: int) -> float:
    """Seconds until the server has had everything."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = perf_counter()
    writer.write(bytes(BYTES))
    writer.write_eof()
    if await reader.read(1) != b"k":
        raise RuntimeError("the server has not had all of it")
    lasted = perf_counter() - began
    writer.close()
    return lasted


@contextmanager
def _proxy() -> Iterator[Proxy]:
    with tempfile.TemporaryDirectory(prefix="roo-benchmark-") as folder:
        ports, ready = Path(folder) / "ports", Path(folder) / "ready"
        with started((executable, "-m", "benchmarks.programs.tcp_server"), SERVER, log=ports):
            until(_complete(ports))
            echo, sink = ports.read_text().split()
            links = ("--link", f"echo=127.0.0.1:{echo}", "--link", f"sink=127.0.0.1:{sink}")
            with started((executable, "-m", "pytest_roo_load.chaos", *links), SERVER, log=ready):
                until(_complete(ready))
                told = json.loads(ready.read_text())
                yield Proxy(control=told["control"], **told["links"])


def _complete(file: Path) -> Callable[[], bool]:
    return lambda: file.exists() and file.read_text().endswith("\n")
