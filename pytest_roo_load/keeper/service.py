"""One service of the run: its start, its processes, its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pytest_roo_load.core.recipe import Command, Process, Recipe, ServiceInfo, Started
from pytest_roo_load.errors import KeeperError, ServiceError
from pytest_roo_load.keeper.journal import Journal
from pytest_roo_load.keeper.processes import Child, Processes, status_text

__all__ = ["Service", "Stage"]

START_S = 60.0  # a first start builds PostgreSQL's template, on a busy machine in seconds
POLL_S = 0.01
TAIL_LINES = 20

T = TypeVar("T")
Probe = Callable[[Process], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What all services of a run share."""

    folder: Path
    logs: Path
    processes: Processes
    journal: Journal


class Service:
    """A service from its start to its end. Implements `core.recipe.Host` for its recipe.

    Must be made while an event loop runs: the start begins at once, at the same time as that of the services it needs.
    """

    def __init__(self, recipe: Recipe, options: Mapping[str, str], needs: Mapping[str, Service], stage: Stage) -> None:
        self.recipe = recipe
        self.options = options
        self.needs = needs
        self.url: str | None = None
        self._stage = stage
        self._log = stage.logs / f"{recipe.name}.log"
        self._children: list[Child] = []
        self._probes: dict[Process, Probe] = {}
        self._unanswered: set[Process] = set()  # started again, and not ready so far
        self._handed: dict[str, str] = {}  # the addresses that the recipe was told
        self._stopped = False
        self._start = asyncio.create_task(self._bring_up())

    def __repr__(self) -> str:
        return f"<Service {self.recipe.name}: {self.state}>"

    @property
    def state(self) -> str:
        """One of: starts, failed, runs, died, stopped."""
        if self._stopped:
            return "stopped"
        if not self._start.done():
            return "starts"
        if self._start.cancelled() or self._start.exception():
            return "failed"
        return "runs" if self._dead() is None else "died"

    async def info(self) -> ServiceInfo:
        """Wait until it is ready.

        Raises:
            RooLoadError: It could not be started, or it, or what it needs, has died since.
        """
        try:
            info = await asyncio.shield(self._start)
        except asyncio.CancelledError:
            if self._start.cancelled():
                raise KeeperError(f"{self.recipe.name} was not started: the keeper is ending") from None
            raise
        for service in (*self.needs.values(), self):
            service.raise_if_dead()
        return self._as_it_is(info)

    def running(self) -> ServiceInfo | None:
        """The service if it is ready and runs now."""
        return self._as_it_is(self._start.result()) if self.state == "runs" else None

    @property
    def processes(self) -> tuple[Child, ...]:
        """Its main processes, in the order of their start; also those that have ended."""
        return tuple(self._children)

    async def respawn(self, child: Child, *, slow_s: float = 0.0) -> None:
        """Start one of its processes again with the same command, and wait until it is ready.

        What is left of the old one is ended first. The new one does not get to run for `slow_s` seconds; it does when
        this is cancelled, and `until_answers` waits for it.

        Raises:
            ServiceError: It was not ready in time, or has ended.
        """
        await self._stage.processes.stop(child)
        place = self._children.index(child)
        new = self._spawned(child.command)
        self._children.remove(new)
        self._children[place] = new
        if probe := self._probes.pop(child, None):
            self._probes[new] = probe
            self._unanswered.add(new)
        if slow_s:
            await new.hold_back(slow_s)
        await self.until_answers(new)

    async def until_answers(self, child: Child) -> None:
        """Wait until one of its processes that was started again is ready; one that has been is not asked.

        Raises:
            ServiceError: It was not ready in time, or has ended.
        """
        if child not in self._unanswered:
            return
        try:
            async with asyncio.timeout(START_S):
                await self._answer(child, self._probes[child])
        except TimeoutError as error:
            late = f"{self.recipe.name} was not ready within {START_S:.0f} s after it was started again"
            raise ServiceError(f"{late}; {self._tail(child.output())}") from error
        self._unanswered.discard(child)

    async def stop(self) -> None:
        """End the start, if it goes on, and all processes; idempotent."""
        await _cancelled(self._start)
        self._stopped = True
        await self._end_processes()

    # ---- what a recipe sees (core.recipe.Host)

    @property
    def folder(self) -> Path:
        """The service's own folder."""
        return self._stage.folder / self.recipe.name

    async def run(self, command: Command) -> str:
        """Run a helper program until it ends and return its output."""
        child = self._spawned(command)
        await child.ended.wait()
        self._children.remove(child)
        if child.exit_status:
            raise ServiceError(self._ended(child, "while the service was prepared"))
        return child.output()

    async def spawn(self, command: Command) -> Child:
        """Start a process of the service."""
        return self._spawned(command)

    async def ready(self, process: Process, probe: Callable[[Process], Awaitable[T | None]]) -> T:
        """Ask `probe` until it answers, the process ends or the time for a start is over."""
        self._probes[process] = probe
        try:
            return await self._answer(process, probe)
        except ServiceError:
            if process.exit_status is not None:
                await self._forget(process)  # the recipe may go on with another one
            raise

    async def _answer(self, process: Process, probe: Callable[[Process], Awaitable[T | None]]) -> T:
        while True:
            answer = await probe(process)
            if process.exit_status is not None:
                raise ServiceError(self._ended(process, "before it was ready"))
            if answer is not None:
                return answer
            await asyncio.sleep(POLL_S)

    def announce(self, url: str) -> None:
        """Tell where the service is going to be."""
        self.url = url

    async def address(self, service: str) -> str:
        """Where a needed service is going to be."""
        peer = self.needs[service]
        while peer.url is None:
            peer.raise_if_failed()
            await asyncio.sleep(POLL_S)
        self._handed[service] = peer.url
        return peer.url

    async def until_ready(self, service: str) -> None:
        """Wait until a needed service is ready."""
        await self.needs[service].info()

    # ---- the start

    async def _bring_up(self) -> ServiceInfo:
        began = asyncio.get_running_loop().time()
        self._stage.journal.write("start", service=self.recipe.name, options=sorted(self.options))
        try:
            async with asyncio.timeout(START_S):
                started = await self._settled()
                for peer in self.needs.values():
                    await peer.info()
        except TimeoutError as error:
            tail = self._tail("".join(child.output() for child in self._children))
            await self._end_processes()
            raise ServiceError(
                f"{self.recipe.name} was not ready within {START_S:.0f} s; {tail}\n{self.recipe.advice}"
            ) from error
        except BaseException:
            await self._end_processes()
            raise
        pids = tuple(child.pid for child in self._children)
        ready_s = asyncio.get_running_loop().time() - began
        return ServiceInfo(
            name=self.recipe.name,
            url=started.url,
            pids=pids,
            version=started.version,
            ready_s=round(ready_s, 4),
            log=str(self._log),
            from_template=started.from_template,
        )

    async def _settled(self) -> Started:
        """Let the recipe start the service, and start again when a needed service has moved."""
        while True:
            self.folder.mkdir(mode=0o711, exist_ok=True)
            self.folder.chmod(0o711)
            start, disturbed = asyncio.create_task(self.recipe.start(self)), asyncio.create_task(self._disturbed())
            try:
                await asyncio.wait({start, disturbed}, return_when=asyncio.FIRST_COMPLETED)
                if start.done():
                    self._raise_failed_need()
                    return start.result()
                disturbed.result()
            finally:
                await _cancelled(start)
                await _cancelled(disturbed)
            await self._end_processes()
            self._handed.clear()

    async def _disturbed(self) -> None:
        """Return when a needed service is no longer where the recipe was told; raise when one has failed."""
        while all(self.needs[name].url == url for name, url in self._handed.items()):
            self._raise_failed_need()
            await asyncio.sleep(POLL_S)

    def _raise_failed_need(self) -> None:
        for peer in self.needs.values():
            peer.raise_if_failed()

    def raise_if_failed(self) -> None:
        """Raise the error that has ended the start, if one has."""
        if self._start.done() and not self._start.cancelled():
            error = self._start.exception()
            if error is not None:
                raise error

    # ---- processes and their ends

    def _spawned(self, command: Command) -> Child:
        child = self._stage.processes.spawn(command, self._log)
        self._children.append(child)
        facts = {"pid": child.pid, "started": child.identity.started}
        self._stage.journal.write("started", service=self.recipe.name, program=command.argv[0], **facts)
        return child

    async def _end_processes(self) -> None:
        for child in reversed(self._children):
            self._stage.journal.write("stop", service=self.recipe.name, pid=child.pid)
        await asyncio.gather(*(self._stage.processes.stop(child) for child in self._children))
        self._children.clear()
        self._probes.clear()
        self._unanswered.clear()

    async def _forget(self, process: Process) -> None:
        """Take a process that has ended out of the service, with all that it has left."""
        for child in [child for child in self._children if child is process]:
            await self._stage.processes.stop(child)
            self._children.remove(child)
            self._probes.pop(child, None)

    def _as_it_is(self, info: ServiceInfo) -> ServiceInfo:
        """With the processes that it has now: one may have been started again."""
        return replace(info, pids=tuple(child.pid for child in self._children))

    def _dead(self) -> Child | None:
        return next((child for child in self._children if child.exit_status is not None), None)

    def raise_if_dead(self) -> None:
        """Raise a ServiceError if a process of the service has ended."""
        dead = self._dead()
        if dead is not None:
            raise ServiceError(self._ended(dead, "after it had been ready"))

    def _ended(self, process: Process, when: str) -> str:
        how = status_text(process.exit_status or 0)
        return (
            f"{self.recipe.name}: {process.program} (process {process.pid}) {how} {when}; "
            f"{self._tail(process.output())}\n{self.recipe.advice}"
        )

    def _tail(self, output: str) -> str:
        lines = output.rstrip().splitlines()[-TAIL_LINES:]
        if not lines:
            return f"it wrote nothing to {self._log}"
        return "\n  ".join([f"the end of {self._log}:", *lines])


async def _cancelled(task: asyncio.Task[T]) -> None:
    """Cancel a task and wait until it has ended, whatever it ends with."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # seen: whoever waits for the service has got it
