"""What the tests of the engine share: a target that counts, journeys, and a load around them."""

from __future__ import annotations

import asyncio
import atexit
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psutil

from pytest_roo_load.core.profiles import Profile
from pytest_roo_load.core.result import Result
from pytest_roo_load.engine.fleet.inline import InlineFleet
from pytest_roo_load.engine.fleet.local import LocalFleet
from pytest_roo_load.engine.fleet.station import Station
from pytest_roo_load.engine.fleet.strategy import Fleet
from pytest_roo_load.engine.fleet.workers import WorkerFleet
from pytest_roo_load.engine.journeys import check_journeys, pack
from pytest_roo_load.engine.runner import Load, perform
from pytest_roo_load.engine.shard import Shard
from pytest_roo_load.monitor.processes import ProcessProbe


@cache
def _stations() -> Path:
    """A folder with three stations, as three workers would have; they serve until the tests end."""
    folder = Path(mkdtemp(prefix="roo-stations-"))
    atexit.register(folder.rmdir)
    for number in range(3):
        station = Station(folder / f"gw{number}")
        station.open()
        atexit.register(station.close)
    return folder


FLEETS: dict[str, Callable[[], Fleet]] = {
    "inline": InlineFleet,
    "one process": lambda: LocalFleet(1),
    "two processes": lambda: LocalFleet(2),
    "three stations": lambda: WorkerFleet(_stations(), "gw0", 3),
}


def load_of(journeys: Any, profile: Profile, fleet: Fleet, live: Path, target: str | None = None) -> Load:
    """A load like those that the plugin makes."""
    weights = check_journeys(journeys)
    shard = Shard(
        journeys=pack(list(weights)),
        weights=tuple(weights.values()),
        plan=profile.plan(),
        run="abc",
        seed=1,
        target=target,
        modules=tuple(sys.path),
    )
    return Load(shard=shard, fleet=fleet, probe=lambda pids: ProcessProbe({"generator": pids}), live=live)


def measure(journeys: Any, profile: Profile, fleet: Fleet, live: Path, target: str | None = None) -> Result:
    """What a load gives."""
    return perform(load_of(journeys, profile, fleet, live, target))[0]


class Target:
    """An HTTP server in a thread that answers everything, `/slow` only when it is told to, and counts."""

    def __init__(self) -> None:
        self.requests = 0
        self.url = ""
        self._ready = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._stop()
        self._thread.join(10)

    async def _serve(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(stop.set)
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await stop.wait()
        server.close()
        talks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                if b"/slow" not in head:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()


@contextmanager
def target() -> Iterator[Target]:
    result = Target()
    result.start()
    try:
        yield result
    finally:
        result.stop()


def eventually(predicate: Callable[[], Any], *, within_s: float = 15.0) -> bool:
    """Whether the predicate becomes true in time."""
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while not predicate():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.01)
    return True


def generators_of(pid: int) -> list[psutil.Process]:
    """The living generator processes below a process."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        try:
            if "pytest_roo_load.engine.fleet.process" in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found
