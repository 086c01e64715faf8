"""A WebSocket server that sends back what it gets."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.cores import SERVER
from benchmarks.processes import Running, started, until
from pytest_roo_load.services.ports import free_port

__all__ = ["answers", "echo_server"]


@contextmanager
def echo_server() -> Iterator[tuple[str, Running]]:
    """Its URL and its process, which has the server's core for itself."""
    port = free_port()
    with started([sys.executable, "-m", "benchmarks.programs.echo", str(port)], SERVER) as running:
        until(lambda: answers(port))
        yield f"http://127.0.0.1:{port}", running


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as plug:
        return plug.connect_ex(("127.0.0.1", port)) == 0
