"""Redis on a loopback port, as an account that is not root; what it has written outlives its process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from pytest_roo_load.core.recipe import Account, Command, Host, Process, Started
from pytest_roo_load.services.account import give_to, require_reach, service_account
from pytest_roo_load.services.binaries import Programs, find_redis, within_reach
from pytest_roo_load.services.cache import Cache, default_root
from pytest_roo_load.services.ports import LOOPBACK
from pytest_roo_load.services.redis_faults import REDIS_FAULTS
from pytest_roo_load.services.serving import serve

__all__ = ["Redis", "parse_info", "server_arguments"]

PROBE_S = 1.0


class Redis:
    """The recipe for the service `redis`. Implements `core.recipe.Recipe`."""

    name = "redis"
    options = ("port",)
    faults = REDIS_FAULTS
    advice = "To use a Redis of your own, give --roo-redis URL."

    def needs(self, options: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG002 - the Protocol's signature
        """Nothing."""
        return ()

    async def start(self, host: Host) -> Started:
        """Start it."""
        account = service_account()
        require_reach(host.folder, account)
        programs = await within_reach(host, Cache(default_root()), find_redis(), account)
        url, version = await serve(host, RedisServer(host, programs, account))
        return Started(url=url, version=version)


class RedisServer:
    """One Redis to be started. Implements `serving.Server`."""

    def __init__(self, host: Host, programs: Programs, account: Account | None) -> None:
        self._host = host
        self._programs = programs
        self._account = account
        self._data = host.folder / "data"

    def __repr__(self) -> str:
        return f"<RedisServer {self._data}>"

    def url(self, port: int) -> str:
        """Where it is reached."""
        return f"redis://{LOOPBACK}:{port}/0"

    async def begin(self, port: int) -> Process:
        """Start the server."""
        self._data.mkdir(mode=0o700, exist_ok=True)
        give_to(self._account, self._data)
        argv = (self._programs.path("redis-server"), *server_arguments(data=self._data, port=port))
        return await self._host.spawn(Command(argv=argv, environment={"LC_ALL": "C"}, account=self._account))

    async def probe(self, port: int, process: Process) -> str | None:
        """The version, when this very server, not another one on its port, answers."""
        info = await _ask_info(port)
        return info["redis_version"] if info.get("process_id") == str(process.pid) else None


def server_arguments(*, data: Path, port: int) -> tuple[str, ...]:
    """The command line of the server, after the program. It writes to the log file that the keeper has opened.

    Every command is appended to a file before it is answered, and the kernel keeps what was written: a Redis that is
    killed, which is what scenarios do, comes back with all it had. Nothing waits for the disk.
    """
    kept = {"save": "", "appendonly": "yes", "appendfsync": "no"}
    settings = {"bind": LOOPBACK, "port": str(port), **kept, "dir": str(data)}
    return tuple(text for name, value in settings.items() for text in (f"--{name}", value))


def parse_info(text: str) -> dict[str, str]:
    """The facts in the answer to INFO."""
    pairs = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: value for name, colon, value in pairs if colon}


async def _ask_info(port: int) -> dict[str, str]:
    """What the server on this port says about itself; empty when it does not answer yet."""
    try:
        async with asyncio.timeout(PROBE_S):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(b"INFO server\r\n")
                header = await reader.readline()  # $LENGTH, or -LOADING while it is not ready
                length = int(header[1:]) if header.startswith(b"$") else 0
                return parse_info((await reader.readexactly(length)).decode())
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, EOFError):  # TimeoutError is an OSError
        return {}
