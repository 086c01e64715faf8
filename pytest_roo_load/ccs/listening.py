"""The socket that the server listens on, and how it tells where that is."""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any

from pytest_roo_load.ccs.settings import Settings

BACKLOG = 2048
_DOORS = 16


def listening_socket(settings: Settings) -> socket.socket:
    """Return the socket that was handed over, else a new one; raises OSError when the port is taken."""
    if settings.listen_fd >= 0:
        return socket.socket(fileno=settings.listen_fd)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)


def doors(listening: socket.socket, count: int) -> list[socket.socket]:
    """Return descriptors of the same listening socket, so that a crowd gets in and is told when there are too many.

    In a turn of the event loop libuv accepts one connection per descriptor. A busy server has a hundred turns a second:
    with one descriptor newcomers would wait for seconds, where no limit on what is served at a time can see them.
    """
    return [listening, *(listening.dup() for _ in range(count - 1))]


def doors_of(settings: Settings) -> int:
    """Return how many doors a server has. Workers share a socket: with more than one each, the first would take all."""
    return 1 if settings.listen_fd >= 0 else _DOORS


def url_of(settings: Settings, port: int) -> str:
    """Return where the server is reached."""
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{f'[{settings.host}]' if ':' in settings.host else settings.host}:{port}"


def say_ready(instance_id: str, url: str, **more: Any) -> None:
    """Tell whoever has started this process that it serves: one line of JSON."""
    line = {"ready": True, "url": url, "instance_id": instance_id, "pid": os.getpid(), **more}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
