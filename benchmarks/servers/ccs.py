"""The reference CCS with PostgreSQL and Redis, and the least that a server in aiohttp does."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.cores import GENERATOR, SERVER, pinned
from benchmarks.processes import started, until
from benchmarks.servers.echo import answers
from pytest_roo_load.keeper.client import Keeper, KeeperSettings
from pytest_roo_load.services.ports import free_port

__all__ = ["Served", "bare_server", "reference_ccs"]

Served = tuple[str, int]


@contextmanager
def reference_ccs() -> Iterator[Served]:
    """Its URL and its process, which has the server's core for itself; its services share the generator's."""
    with tempfile.TemporaryDirectory(prefix="roo-b-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs as another user where this one is root
        settings = KeeperSettings(folder=Path(folder) / "keeper", owner_pid=os.getpid(), logs=Path(folder))
        with Keeper(settings) as keeper, pinned(GENERATOR):
            ccs = keeper.ensure("ccs")
            [pid] = ccs.pids
            psutil.Process(pid).cpu_affinity([SERVER])
            yield ccs.url, pid


@contextmanager
def bare_server() -> Iterator[Served]:
    """Its URL and its process, on the same core."""
    port = free_port()
    with started([sys.executable, "-m", "benchmarks.programs.bare", str(port)], SERVER) as running:
        until(lambda: answers(port))
        yield f"http://127.0.0.1:{port}", running.pid
