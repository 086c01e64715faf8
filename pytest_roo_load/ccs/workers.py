"""Several processes that serve one port: the parent listens, its workers accept.

Each worker is an instance like any other, with an id of its own. One that dies is replaced. The kernel ends the workers
when the parent is killed.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from tempfile import TemporaryDirectory

from pytest_roo_load.ccs.errors import CcsError
from pytest_roo_load.ccs.listening import listening_socket, say_ready, url_of
from pytest_roo_load.ccs.settings import Settings

_AGAIN_S = 1.0
_SLACK_S = 5.0
_PR_SET_PDEATHSIG = 1

log = logging.getLogger("ccs.workers")


class WorkerError(CcsError):
    """A worker did not get ready."""


async def run_workers(settings: Settings, argv: Sequence[str]) -> None:
    """Serve with ``settings.workers`` processes, started with the arguments ``argv``, until SIGTERM or SIGINT.

    Raises:
        WorkerError: one of them could not start; its own message says why.
        OSError: the port is taken.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with ExitStack() as stack:
        listener = stack.enter_context(listening_socket(settings))
        listener.set_inheritable(True)
        root = settings.file_root or stack.enter_context(TemporaryDirectory(prefix="ccs-files-"))
        environment = {**os.environ, "CCS_JWT_SECRET": settings.jwt_secret, "CCS_FILE_ROOT": root}
        crew = Crew(settings, argv, listen_fd=listener.fileno(), environment=environment)
        try:
            await crew.start(stop)
            if not stop.is_set():
                url = url_of(settings, listener.getsockname()[1])
                say_ready(settings.instance_id, url, workers=crew.pids)
                await stop.wait()
        finally:
            await crew.end()


class Crew:
    """The worker processes."""

    def __init__(
        self, settings: Settings, argv: Sequence[str], *, listen_fd: int, environment: Mapping[str, str]
    ) -> None:
        self._settings = settings
        self._command = (sys.executable, "-P", "-m", "pytest_roo_load.ccs", *argv, "--listen-fd", str(listen_fd))
        self._listen_fd = listen_fd
        self._environment = environment
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._keepers: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<Crew of {len(self._processes)} workers>"

    @property
    def pids(self) -> list[int]:
        """The workers' process ids."""
        return [process.pid for process in self._processes.values()]

    async def start(self, stop: asyncio.Event) -> None:
        """Start all workers and return when all are ready, or ``stop`` is set."""
        numbers = range(1, self._settings.workers + 1)
        starting = asyncio.gather(*(self._start(number) for number in numbers))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not starting.done():
            starting.cancel()
            with suppress(asyncio.CancelledError):
                await starting
            return
        starting.result()
        self._keepers = [asyncio.create_task(self._keep(number)) for number in numbers]

    async def end(self) -> None:
        """Stop all workers, and kill those that take too long."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(self._end(process) for process in self._processes.values()))

    async def _start(self, number: int) -> None:
        own = ("--workers", "1", "--instance-id", f"{self._settings.instance_id}-{number}")
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *own,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env=self._environment,
            pass_fds=(self._listen_fd,),
            start_new_session=True,  # a signal from the terminal reaches the parent alone
            preexec_fn=_end_with_parent(),
        )
        self._processes[number] = process
        assert process.stdout is not None
        if not await process.stdout.readline():
            raise WorkerError(f"ccs: worker {number} ended with status {await process.wait()} before it was ready")

    async def _keep(self, number: int) -> None:
        while True:
            status = await self._processes[number].wait()
            log.error("worker %d ended with status %d; another one is started", number, status)
            await asyncio.sleep(_AGAIN_S)
            with suppress(WorkerError):
                await self._start(number)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None:
            return
        process.terminate()
        try:
            limit_s = self._settings.drain_delay + self._settings.drain_timeout + _SLACK_S
            await asyncio.wait_for(process.wait(), limit_s)
        except TimeoutError:
            process.kill()
            await process.wait()


def _end_with_parent() -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    library, parent = ctypes.CDLL(None), os.getpid()

    def bind() -> None:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind
