"""The keeper's process: serves requests until it is told to end or its owner has ended."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_roo_load.core.faults.breakage import Breakage
from pytest_roo_load.core.faults.fault import Fault
from pytest_roo_load.core.recipe import Recipe
from pytest_roo_load.errors import KeeperError, RooLoadError
from pytest_roo_load.keeper import wire
from pytest_roo_load.keeper.faults import Faults
from pytest_roo_load.keeper.folder import Folder, stale_siblings
from pytest_roo_load.keeper.identity import Identity
from pytest_roo_load.keeper.journal import Journal
from pytest_roo_load.keeper.leftovers import clear, remove_groups
from pytest_roo_load.keeper.processes import Processes
from pytest_roo_load.keeper.service import Stage
from pytest_roo_load.keeper.supervisor import Supervisor

__all__ = ["Settings", "serve"]

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
JOURNAL_COPY = "keeper-journal.ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a keeper is started with.

    Attributes:
        folder: The runtime folder; its lock is held by a descriptor that the keeper has inherited.
        logs: Where the logs of the services go.
        owner: The process whose end is the end of the keeper.
        recipes: Dotted name of a callable that returns the recipes by name, such as `package.module:recipes`.
        ready: Descriptor to which the keeper writes its identity when it serves.
    """

    folder: Path
    logs: Path
    owner: Identity
    recipes: str
    ready: int


async def serve(settings: Settings) -> None:
    """Be the keeper; returns when everything is stopped and the folder is deleted."""
    folder = Folder(settings.folder)
    clear(folder)
    journal = Journal(folder.journal)
    stage = Stage(folder=folder.path, logs=settings.logs, processes=Processes(str(folder.path)), journal=journal)
    supervisor = Supervisor(functools.cache(functools.partial(_load, settings.recipes)), stage)
    end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    with _ended_by(end, settings.owner):
        faults = Faults(journal)
        front = Front(supervisor, faults, end)
        server = await front.listen(folder)
        journal.write("serve", pid=os.getpid(), owner=settings.owner.pid)
        _tell(settings.ready)
        sweep = asyncio.create_task(_sweep(folder))
        journal.write("end", reason=await end)
        server.close()  # not wait_closed: those who asked for the end stay connected until the process has gone
        folder.socket.unlink(missing_ok=True)
        sweep.cancel()
        await faults.end(services_end=True)
        await supervisor.stop()
        remove_groups(folder.path.name)  # a fault whose mending would start processes was not mended
        with contextlib.suppress(OSError):  # the run directory may be gone or full; ending goes on
            journal.copy_to(settings.logs / JOURNAL_COPY)
        folder.remove()
        front.farewell()


class Front:
    """Answers the clients of the keeper."""

    def __init__(self, supervisor: Supervisor, faults: Faults, end: asyncio.Future[str]) -> None:
        self._supervisor = supervisor
        self._faults = faults
        self._end = end
        self._identity = str(Identity.of(os.getpid()))
        self._waiting: list[asyncio.StreamWriter] = []

    def __repr__(self) -> str:
        return f"<Front of {self._supervisor!r}: {'ends' if self._end.done() else 'serves'}>"

    async def listen(self, folder: Folder) -> asyncio.Server:
        """Make the socket, for this account alone."""
        folder.socket.parent.mkdir(mode=0o700)
        server = await asyncio.start_unix_server(self._client, folder.socket, limit=wire.LONGEST)
        folder.socket.chmod(0o600)
        return server

    def farewell(self) -> None:
        """Answer those who asked for the end; their connections close when the process has gone."""
        for writer in self._waiting:
            writer.write(wire.encode({"keeper": self._identity, "value": None}))

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._answer(await reader.readline(), writer)
            if answer is None:
                return
            writer.write(wire.encode({"keeper": self._identity, **answer}))
            await writer.drain()
        except (ConnectionError, ValueError):
            pass  # the client has gone, or what it sent is too long for a line
        writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> dict[str, Any] | None:
        """What to answer now; None for a client that is answered at the end."""
        try:
            request = wire.decode(line)
            if request.get("do") == "shutdown":
                self._waiting.append(writer)
                _finish(self._end, "shutdown was asked for")
                return None
            return {"value": await self._value(request)}
        except RooLoadError as error:
            return {"error": wire.error_to(error)}
        except Exception as error:  # noqa: BLE001 - a defect in a recipe must reach the one who asked
            text = f"the keeper failed: {type(error).__name__}: {error}"
            return {"error": wire.error_to(KeeperError(text))}

    async def _value(self, request: dict[str, Any]) -> Any:
        match request.get("do"):
            case "ensure":
                return wire.info_to(await self._supervisor.ensure(request["name"], request["options"]))
            case "services":
                return {name: wire.info_to(info) for name, info in self._supervisor.services().items()}
            case "begin faults":
                return self._faults.begin(request["start"], self._planned(request))
            case "check faults":
                return self._planned(request) and None
            case "faults":
                return [record.to_dict() for record in self._faults.records()]
            case "end faults":
                return [record.to_dict() for record in await self._faults.end()]
            case unknown:
                raise KeeperError(f"the keeper does not know the request {unknown!r}")

    def _planned(self, request: dict[str, Any]) -> list[tuple[Fault, Breakage]]:
        faults = [Fault.from_dict(data) for data in request["faults"]]
        return [
            (fault, self._supervisor.breakage(fault, request["strangers"], number=number))
            for number, fault in enumerate(faults, 1)
        ]


@contextlib.contextmanager
def _ended_by(end: asyncio.Future[str], owner: Identity) -> Iterator[None]:
    """Resolve `end` when the owner ends or a signal asks for it."""
    loop = asyncio.get_running_loop()
    for number in ENDING_SIGNALS:
        loop.add_signal_handler(number, _finish, end, f"received {number.name}")
    try:
        descriptor = os.pidfd_open(owner.pid)
    except ProcessLookupError:
        _finish(end, "the owner had ended before")
        yield
        return
    try:
        if not owner.alive:  # its pid may be another process's by now
            _finish(end, "the owner had ended before")
        loop.add_reader(descriptor, _finish, end, "the owner has ended")
        yield
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _finish(end: asyncio.Future[str], reason: str) -> None:
    if not end.done():
        end.set_result(reason)


def _tell(descriptor: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # who started us was interrupted; others may still come
        os.write(descriptor, str(Identity.of(os.getpid())).encode() + b"\n")
    os.close(descriptor)


def _load(name: str) -> Mapping[str, Recipe]:
    module, _, attribute = name.partition(":")
    recipes: Mapping[str, Recipe] = getattr(importlib.import_module(module), attribute)()
    return recipes


async def _sweep(folder: Folder) -> None:
    """Delete the abandoned folders of other runs."""
    for stale in stale_siblings(folder.path):
        await asyncio.sleep(0)  # requests go first
        lock = stale.lock()
        if lock is None:
            continue
        try:
            clear(stale)
            stale.remove()
        except OSError as error:
            print(f"{stale.path} could not be swept: {error}", file=sys.stderr)  # noqa: T201 - goes to keeper.log
        finally:
            os.close(lock)
