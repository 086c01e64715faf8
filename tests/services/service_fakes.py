"""A host for recipes that starts nothing: its processes do what the test says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pytest_roo_load.core.recipe import Command, Process
from pytest_roo_load.errors import ServiceError

T = TypeVar("T")


class FakeProcess:
    def __init__(self, pid: int, *, exit_status: int | None = None, output: str = "") -> None:
        self.pid = pid
        self.program = "fake"
        self.exit_status = exit_status
        self._output = output

    def output(self) -> str:
        return self._output


class FakeHost:
    """Implements `core.recipe.Host`. Every spawned process is the next of `processes`."""

    def __init__(self, folder: Path, processes: list[FakeProcess], options: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.options = options or {}
        self.commands: list[Command] = []
        self.announced: list[str] = []
        self._processes = processes

    async def run(self, command: Command) -> str:
        self.commands.append(command)
        return ""

    async def spawn(self, command: Command) -> FakeProcess:
        self.commands.append(command)
        return self._processes.pop(0)

    async def ready(self, process: Process, probe: Callable[[Process], Awaitable[T | None]]) -> T:
        assert isinstance(process, FakeProcess)
        answer = await probe(process)
        if process.exit_status is not None:
            raise ServiceError(f"ended with {process.exit_status}")
        assert answer is not None
        return answer

    def announce(self, url: str) -> None:
        self.announced.append(url)

    async def address(self, service: str) -> str:
        return f"address-of-{service}"

    async def until_ready(self, service: str) -> None:
        assert service
