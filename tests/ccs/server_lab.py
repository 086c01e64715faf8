"""Servers of a test's own, with options of its own, on a database of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg

SECRET = "s" * 32


class Server:
    """A server's process and where it listens."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self.process = process
        self.url: str = ready["url"]
        self.instance_id: str = ready["instance_id"]

    def __repr__(self) -> str:
        return f"<Server {self.instance_id} at {self.url}>"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)


@contextmanager
def server(database: str, redis: str, *arguments: str, program: tuple[str, ...] = ()) -> Iterator[Server]:
    """Start a server that ends with the context; ``program`` is what it is started by, if not directly."""
    command = [*program, sys.executable, "-P", "-m", "pytest_roo_load.ccs", "--database", database, "--redis", redis]
    limits = ["--rate-general", "0", "--rate-login", "0", "--rate-upload", "0", "--bcrypt-cost", "4"]
    with TemporaryDirectory(prefix="ccs-server-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [*command, *limits, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "CCS_JWT_SECRET": SECRET, "TMPDIR": folder},
        )
        assert process.stdout is not None
        try:
            yield Server(process, json.loads(process.stdout.readline()))
        finally:
            process.kill()
            process.wait(10)
            process.stdout.close()


@contextmanager
def servers(count: int, database: str, redis: str, *arguments: str) -> Iterator[list[Server]]:
    """Start several instances that share everything."""
    with ExitStack() as stack:
        yield [stack.enter_context(server(database, redis, *arguments)) for _ in range(count)]


@asynccontextmanager
async def new_database(url: str) -> AsyncIterator[str]:
    """The URL of an empty database that is dropped at the end, connections and all."""
    name = f"t{uuid.uuid4().hex}"
    admin = await asyncpg.connect(url)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        yield f"{url.rpartition('/')[0]}/{name}"
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()
