"""Starts, watches and ends the processes of services.

Every process is bound to the keeper: the kernel ends it when the keeper is killed (PR_SET_PDEATHSIG), and orphans of a
service become the keeper's children (PR_SET_CHILD_SUBREAPER), so that nothing escapes from it.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Collection
from pathlib import Path

from pytest_roo_load.core.recipe import Command
from pytest_roo_load.errors import ServiceError
from pytest_roo_load.keeper.identity import Identity
from pytest_roo_load.keeper.leftovers import MARK, descendants, remove_segments

__all__ = ["Child", "Processes", "status_text"]

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GRACE_S = 2.0
POLL_S = 0.01
OUTPUT_BYTES = 64 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


class Child:
    """A process of a service. Implements `core.recipe.Process`."""

    def __init__(self, popen: subprocess.Popen[bytes], command: Command, log: Path, offset: int) -> None:
        self.pid = popen.pid
        self.identity = Identity.of(popen.pid) or Identity(popen.pid, -1)  # ended already: no signal will reach it
        self.command = command
        self.log = log
        self.ended = asyncio.Event()
        self._popen = popen
        self._offset = offset

    def __repr__(self) -> str:
        state = "runs" if self.exit_status is None else status_text(self.exit_status)
        return f"<Child {self.pid} {self.program}: {state}>"

    @property
    def program(self) -> str:
        """The name of its program."""
        return Path(self.command.argv[0]).name

    @property
    def exit_status(self) -> int | None:
        """None while it runs, then its status; negative is the number of the signal that ended it."""
        return self._popen.returncode

    def output(self) -> str:
        """What it has written to its log so far, at most the last 64 KiB."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(self._offset, self.log.stat().st_size - OUTPUT_BYTES))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    async def hold_back(self, seconds: float) -> None:
        """Let it not run for so long, or until this is cancelled."""
        self.identity.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.identity.signal(signal.SIGCONT)

    def reaped(self, status: int) -> None:
        """The keeper has collected its status."""
        self._popen.returncode = status
        self.ended.set()


class Processes:
    """The keeper's child processes.

    Lives on the main thread: the kernel binds a child to the thread that made it.

    Args:
        mark: Put into the environment of every process, by which what is left of it can be found.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._children: dict[int, Child] = {}
        self._all: set[int] = set()
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)

    def __repr__(self) -> str:
        return f"<Processes: {len(self._children)} run>"

    def spawn(self, command: Command, log: Path) -> Child:
        """Start a process that reads nothing and writes to the end of `log`.

        Raises:
            ServiceError: The program cannot be executed.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        account = command.account
        with log.open("ab") as file:
            offset = file.tell()
            try:
                popen = subprocess.Popen(
                    command.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    cwd="/",  # the account may not be able to read the folder we are in
                    env={**command.environment, MARK: self._mark},
                    start_new_session=True,
                    restore_signals=False,  # SIGXFSZ stays ignored: a file that may not grow is an error, not the end
                    user=account.uid if account else None,
                    group=account.gid if account else None,
                    extra_groups=None if account is None else [],
                    preexec_fn=_bound_to_parent(command.stop_signal),  # noqa: PLW1509 - the keeper has one thread
                )
            except OSError as error:
                who = f" as {account.name}" if account else ""
                raise ServiceError(f"{command.argv[0]} cannot be executed{who}: {error}") from error
        child = self._children[popen.pid] = Child(popen, command, log, offset)
        self._all.add(popen.pid)
        return child

    async def stop(self, child: Child, *, grace_s: float = GRACE_S) -> None:
        """End a process and everything it has started; returns when all of it is gone."""
        tree = descendants(child.pid)
        if child.exit_status is None:
            child.identity.signal(child.command.stop_signal)
            child.identity.signal(signal.SIGCONT)  # a stopped process notices nothing but SIGKILL
            try:
                await asyncio.wait_for(child.ended.wait(), grace_s)
            except TimeoutError:
                child.identity.signal(signal.SIGKILL)
        await _kill(tree)
        await child.ended.wait()
        remove_segments({child.pid})

    async def stop_orphans(self) -> None:
        """End what services have left behind: by now everything below the keeper."""
        await _kill(descendants(os.getpid()))
        remove_segments(self._all)  # those of a killed PostgreSQL, whose children were attached a little longer

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            child = self._children.pop(pid, None)
            if child is not None:  # else it is an orphan of a service
                child.reaped(os.waitstatus_to_exitcode(status))


def _bound_to_parent(number: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def bind() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it was killed before the line above
            os._exit(1)

    return bind


async def _kill(tree: Collection[Identity]) -> None:
    """Kill these and return when they have ended; what hangs in the kernel is given up after a while."""
    for identity in tree:
        identity.signal(signal.SIGKILL)
    give_up = asyncio.get_running_loop().time() + GRACE_S
    while any(identity.alive for identity in tree) and asyncio.get_running_loop().time() < give_up:  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)


def status_text(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
