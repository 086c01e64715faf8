"""What the keeper asks of a recipe for a service, and what it offers to one.

A recipe knows one service: which programs it needs, how they are started, when they are ready. The keeper owns the
processes. The two meet only here, so that neither imports the other.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from pytest_roo_load.core.faults.breakage import MakeBreakage

__all__ = ["Account", "Command", "Host", "Process", "Recipe", "ServiceInfo", "Started"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceInfo:
    """A service that runs and is ready.

    Attributes:
        name: The name of its recipe.
        url: Where clients reach it.
        pids: Its main processes; what these have started themselves is not listed.
        version: What the service says its version is; empty when it does not say.
        ready_s: Seconds from the beginning of its start until it was ready.
        log: The file with what it wrote.
        from_template: Whether prepared data was copied; None for a service that has none.
    """

    name: str
    url: str
    pids: tuple[int, ...]
    version: str
    ready_s: float
    log: str
    from_template: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account a process runs under."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One process to start.

    Attributes:
        argv: The program, as an absolute path, and its arguments. No secret belongs here: everybody can read it.
        environment: The whole environment of the process.
        account: The account it runs under; None for the keeper's own.
        stop_signal: What ends it, when the keeper stops it and when the keeper itself is killed.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGKILL


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What a recipe tells about the service it has brought up; the attributes are those of `ServiceInfo`."""

    url: str
    version: str = ""
    from_template: bool | None = None


class Process(Protocol):
    """A process that the keeper has started for a recipe."""

    @property
    def program(self) -> str:
        """The name of its program."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def exit_status(self) -> int | None:
        """None while it runs, then its status; negative is the number of the signal that ended it."""

    def output(self) -> str:
        """What it has written so far, at most the last 64 KiB."""


class Host(Protocol):
    """What the keeper offers to the recipe of one service while it starts."""

    @property
    def folder(self) -> Path:
        """The service's own folder, deleted with the run. Exists, mode 0711, short enough for Unix sockets."""

    @property
    def options(self) -> Mapping[str, str]:
        """The options as they were asked for; only those that were given."""

    async def run(self, command: Command) -> str:
        """Run a helper program until it ends and return its output; not 0 is a `ServiceError`."""

    async def spawn(self, command: Command) -> Process:
        """Start a process of the service. It ends with the service, and when the start fails or is cancelled."""

    async def ready(self, process: Process, probe: Callable[[Process], Awaitable[T | None]]) -> T:
        """Ask `probe` again and again and return its first answer that is not None.

        The probe is kept: a process that is started again, with the same command, is asked by the same one.

        Raises:
            ServiceError: The process has ended; the text has the end of its log.
        """

    def announce(self, url: str) -> None:
        """Tell where the service is going to be, before it is ready. May be corrected by another call."""

    async def address(self, service: str) -> str:
        """Where a service named by `Recipe.needs` is going to be, as soon as it has been announced."""

    async def until_ready(self, service: str) -> None:
        """Wait until a service named by `Recipe.needs` is ready; most start without that, and wait by themselves.

        Raises:
            ServiceError: It could not be started.
        """


class Recipe(Protocol):
    """How one service is started."""

    @property
    def name(self) -> str:
        """The name of the service: short, lower case."""

    @property
    def options(self) -> tuple[str, ...]:
        """The options it understands."""

    @property
    def advice(self) -> str:
        """What to do when it cannot be started."""

    @property
    def faults(self) -> Mapping[str, MakeBreakage]:
        """What can be done to this service besides what can be done to any process, by verb."""

    def needs(self, options: Mapping[str, str]) -> tuple[str, ...]:
        """The services that must run as well, given these options. All start at the same time."""

    async def start(self, host: Host) -> Started:
        """Bring the service up and return when it is ready.

        May be cancelled, and is called again when a service it was told the address of had to move.

        Raises:
            ServiceError: It cannot be started.
            UsageError: An option has a value that cannot be used.
        """
