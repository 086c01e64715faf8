"""PostgreSQL: copied from a prepared template, on a loopback port, as an account that is not root."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import struct
from collections.abc import Mapping
from pathlib import Path

from pytest_roo_load.core.recipe import Account, Command, Host, Process, Started
from pytest_roo_load.errors import ServiceError
from pytest_roo_load.services.account import give_to, require_reach, service_account
from pytest_roo_load.services.binaries import Programs, find_postgres, tool, within_reach
from pytest_roo_load.services.cache import Cache, default_root
from pytest_roo_load.services.ports import LOOPBACK
from pytest_roo_load.services.postgres_faults import POSTGRES_FAULTS
from pytest_roo_load.services.serving import serve

__all__ = [
    "INITDB", "SETTINGS", "Postgres", "command_of", "is_ready", "server_arguments", "settings_text", "template_key",
    "url_of",
]  # fmt: skip

INITDB = ("--no-sync", "--wal-segsize=1", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale")
# Nothing here outlives the run. Without fsync a crash of the machine loses data; a process that is killed, which is
# what scenarios do, does not: what it has written is in the kernel.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "dynamic_shared_memory_type": "mmap",  # files in the data folder, which are deleted with it
    "listen_addresses": f"'{LOOPBACK}'",
    "logging_collector": "off",  # it writes to the log file that the keeper has opened for it
    "log_line_prefix": "'%m [%p] '",
    "log_timezone": "'UTC'",
    "timezone": "'UTC'",
}
PROBE_S = 1.0


class Postgres:
    """The recipe for the service `postgres`. Implements `core.recipe.Recipe`."""

    name = "postgres"
    options = ("port",)
    faults = POSTGRES_FAULTS
    advice = "To use a PostgreSQL of your own, give --roo-postgres DSN."

    def needs(self, options: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG002 - the Protocol's signature
        """Nothing."""
        return ()

    async def start(self, host: Host) -> Started:
        """Start it; a template that it cannot start from is replaced once."""
        account = service_account()
        require_reach(host.folder, account)
        cache = Cache(default_root())
        programs = await within_reach(host, cache, find_postgres(), account)
        version = await _version(host, programs)
        server = PostgresServer(host=host, cache=cache, programs=programs, account=account, version=version)
        try:
            url, _ = await serve(host, server)
        except ServiceError:
            if not server.from_template:
                raise
            await server.replace_template()
            url, _ = await serve(host, server)
        return Started(url=url, version=version, from_template=server.from_template)


class PostgresServer:
    """One PostgreSQL to be started. Implements `serving.Server`."""

    def __init__(self, *, host: Host, cache: Cache, programs: Programs, account: Account | None, version: str) -> None:
        self.from_template: bool | None = None
        self._host = host
        self._cache = cache
        self._programs = programs
        self._account = account
        self._key = template_key(version, account)
        self._data = host.folder / "data"
        self._sockets = host.folder / "socket"

    def __repr__(self) -> str:
        return f"<PostgresServer {self._data}: template {self._key}, reused: {self.from_template}>"

    def url(self, port: int) -> str:
        """Where it is reached."""
        return url_of(port)

    async def begin(self, port: int) -> Process:
        """Copy the template, unless that was done for another port, and start the server."""
        if self.from_template is None:
            await self._copy_template()
        arguments = server_arguments(data=self._data, sockets=self._sockets, port=port)
        return await self._host.spawn(self._command("postgres", *arguments))

    async def probe(self, port: int, process: Process) -> bool | None:
        """True when this very server, not another one on its port, accepts connections."""
        return await is_ready(self._data, port, process)

    async def replace_template(self) -> None:
        """Discard the template and all that was made of it."""
        await self._cache.discard(self._key)
        await self._host.run(Command(argv=(tool("rm"), "-rf", "--", str(self._data)), environment={}))
        self.from_template = None

    async def _copy_template(self) -> None:
        for folder in (self._data, self._sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
            give_to(self._account, folder)
        async with self._cache.entry(self._key, self._build_template) as template:
            copying = (tool("cp"), "-R", "--", f"{template.path}/.", str(self._data))
            await self._host.run(Command(argv=copying, environment={}, account=self._account))
            self.from_template = template.reused

    async def _build_template(self, folder: Path) -> None:
        give_to(self._account, folder)
        await self._host.run(self._command("initdb", *INITDB, "-D", str(folder)))
        with (folder / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(settings_text())

    def _command(self, program: str, *arguments: str) -> Command:
        return command_of(self._programs, self._account, program, *arguments)


def url_of(port: int) -> str:
    """Where a server on this port is reached."""
    return f"postgresql://postgres@{LOOPBACK}:{port}/postgres"


def command_of(programs: Programs, account: Account | None, program: str, *arguments: str) -> Command:
    """What starts one of the programs."""
    return Command(
        argv=(programs.path(program), *arguments),
        environment=_environment(),
        account=account,
        stop_signal=signal.SIGQUIT,  # at once, but it takes its children and its shared memory along
    )


async def is_ready(data: Path, port: int, process: Process) -> bool | None:
    """True when this very server, not another one on its port, accepts connections; None while it does not."""
    if not says_ready(data / "postmaster.pid", process.pid):
        return None
    return True if await accepts(port) else None


def server_arguments(*, data: Path, sockets: Path, port: int) -> tuple[str, ...]:
    """The command line of the server, after the program."""
    return ("-D", str(data), "-p", str(port), "-k", str(sockets))


def settings_text() -> str:
    """What is appended to postgresql.conf."""
    lines = [f"{name} = {value}" for name, value in SETTINGS.items()]
    return "\n".join(["", "# pytest-roo-load", *lines, ""])


def template_key(version: str, account: Account | None) -> str:
    """Names the template: another version, other settings or another owner make another one."""
    facts = repr((INITDB, settings_text(), account and (account.uid, account.gid)))
    return f"postgres-{version}-{hashlib.sha256(facts.encode()).hexdigest()[:12]}"


def says_ready(pid_file: Path, pid: int) -> bool:
    """Whether the server with this pid has written that it is ready (line 8, as pg_ctl reads it)."""
    try:
        lines = pid_file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return lines[:1] == [str(pid)] and "".join(lines[7:8]).strip() == "ready"


async def accepts(port: int) -> bool:
    """Whether a session can be opened: startup packet, then ReadyForQuery (PostgreSQL, Frontend/Backend Protocol)."""
    try:
        async with asyncio.timeout(PROBE_S):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                return await _open_session(reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, EOFError):  # TimeoutError is an OSError
        return False


async def _open_session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    parameters = b"user\0postgres\0database\0postgres\0\0"
    writer.write(struct.pack("!ii", 8 + len(parameters), 3 << 16) + parameters)
    while True:
        kind, length = struct.unpack("!ci", await reader.readexactly(5))
        await reader.readexactly(length - 4)
        if kind in (b"Z", b"E"):
            writer.write(b"X\0\0\0\4")
            return bool(kind == b"Z")


async def _version(host: Host, programs: Programs) -> str:
    """Such as 18.4, from `postgres (PostgreSQL) 18.4 (Debian ...)`."""
    output = await host.run(Command(argv=(programs.path("postgres"), "-V"), environment=_environment()))
    return output.partition("(PostgreSQL)")[2].split()[0]


def _environment() -> dict[str, str]:
    """Nothing of ours that is not needed: there may be secrets in it, and PG* variables would change the server."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}
