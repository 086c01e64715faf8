"""Runs a server of one's own while tests need it."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import IO

import psutil

from pytest_roo_load.errors import ServiceError
from pytest_roo_load.services.ports import LOOPBACK, free_port
from pytest_roo_load.tracing.environment import OwnServers

__all__ = ["own_server"]

_READY_S = 30.0
_STOP_S = 5.0
_LOOK_S = 0.02
_SHOWN = 2000


@contextmanager
def own_server(*command: str, cwd: str | Path | None = None) -> Iterator[str]:
    """Start a server on a free port, give its URL as soon as it listens there, and end it with its children afterwards.

    With `--roo-allocations` a program in Python traces its allocations, with `--roo-tasks` it tells its tasks.

    Args:
        command: Program and arguments; `{port}` in an argument becomes the port.
        cwd: The folder it starts in; None: pytest's.

    Raises:
        ServiceError: It cannot be started, ended, or did not listen within 30 s; tells what it has written.
    """
    port = free_port()
    arguments = [argument.replace("{port}", str(port)) for argument in command]
    with tempfile.TemporaryFile() as output, OwnServers.environment() as env:
        try:
            process = subprocess.Popen(
                arguments, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        except OSError as error:
            raise ServiceError(f"{command[0]} cannot be started: {error}") from error
        try:
            _wait(process, port, output)
            yield f"http://{LOOPBACK}:{port}"
        finally:
            _stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, output: IO[bytes]) -> None:
    deadline = monotonic() + _READY_S
    while monotonic() < deadline:
        with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=_LOOK_S):
            return
        if process.poll() is not None:
            raise ServiceError(f"{_shown(process)} ended with status {process.returncode}{_written(output)}")
        sleep(_LOOK_S)
    raise ServiceError(f"{_shown(process)} did not listen on port {port} within {_READY_S:.0f} s{_written(output)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it, then those of its children that it has not taken along, as a shell does not."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.terminate()
    _, left = psutil.wait_procs(children, timeout=_STOP_S)
    for child in left:
        with suppress(psutil.NoSuchProcess):
            child.kill()


def _shown(process: subprocess.Popen[bytes]) -> str:
    return " ".join(map(str, process.args)) if isinstance(process.args, list) else str(process.args)


def _written(output: IO[bytes]) -> str:
    output.seek(0)
    text = output.read().decode("utf-8", "replace").strip()
    return f"; it wrote:\n{text[-_SHOWN:]}" if text else " and wrote nothing"
