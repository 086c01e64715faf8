"""A standby of the embedded PostgreSQL: a server of its own that has what the other one has, and answers reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from pytest_roo_load.core.recipe import Account, Command, Host, Process, Started
from pytest_roo_load.services.account import give_to, require_reach, service_account
from pytest_roo_load.services.binaries import Programs, find_postgres, tool, within_reach
from pytest_roo_load.services.cache import Cache, default_root
from pytest_roo_load.services.postgres import Postgres, command_of, is_ready, server_arguments, url_of
from pytest_roo_load.services.serving import serve
from pytest_roo_load.services.standby_faults import STANDBY_FAULTS

__all__ = ["Standby"]


class Standby:
    """The recipe for the service `postgres-standby`. Implements `core.recipe.Recipe`."""

    name = "postgres-standby"
    options = ("port",)
    faults = STANDBY_FAULTS
    advice = "Its log says more; it is made of the run's own PostgreSQL by pg_basebackup."

    def needs(self, options: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG002 - the Protocol's signature
        """The server whose standby it is."""
        return (Postgres.name,)

    async def start(self, host: Host) -> Started:
        """Copy what the other server has by now, and follow it from there."""
        account = service_account()
        require_reach(host.folder, account)
        programs = await within_reach(host, Cache(default_root()), find_postgres(), account)
        primary = await host.address(Postgres.name)
        await host.until_ready(Postgres.name)
        url, _ = await serve(host, StandbyServer(host, programs, account, primary))
        return Started(url=url)


class StandbyServer:
    """One standby to be started. Implements `serving.Server`."""

    def __init__(self, host: Host, programs: Programs, account: Account | None, primary: str) -> None:
        self._host = host
        self._programs = programs
        self._account = account
        self._primary = urlsplit(primary)
        self._data = host.folder / "data"
        self._sockets = host.folder / "socket"
        self._copied = False

    def __repr__(self) -> str:
        return f"<StandbyServer {self._data} of {self._primary.netloc}>"

    def url(self, port: int) -> str:
        """Where it is reached."""
        return url_of(port)

    async def begin(self, port: int) -> Process:
        """Copy the other server, unless that was done for another port, and start this one."""
        if not self._copied:
            await self._copy()
            self._copied = True
        arguments = server_arguments(data=self._data, sockets=self._sockets, port=port)
        return await self._host.spawn(command_of(self._programs, self._account, "postgres", *arguments))

    async def probe(self, port: int, process: Process) -> bool | None:
        """True when it answers reads."""
        return await is_ready(self._data, port, process)

    async def _copy(self) -> None:
        """With a slot, so that the other server keeps what this one has not got yet, also while this one is down."""
        await self._host.run(Command(argv=(tool("rm"), "-rf", "--", str(self._data)), environment={}))
        for folder in (self._data, self._sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
            give_to(self._account, folder)
        slot = f"standby_{os.urandom(4).hex()}"  # one of an earlier attempt may be there
        source = ("-h", str(self._primary.hostname), "-p", str(self._primary.port), "-U", str(self._primary.username))
        how = ("-R", "-X", "stream", "-c", "fast", "--no-sync", "-C", "-S", slot)
        copying = command_of(self._programs, self._account, "pg_basebackup", *source, *how, "-D", str(self._data))
        await self._host.run(copying)
