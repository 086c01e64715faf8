"""TCP ports for services, taken from below the range that the kernel gives to outgoing connections."""

from __future__ import annotations

import contextlib
import errno
import random
import socket
from collections.abc import Iterator

from pytest_roo_load.errors import ServiceError, UsageError

__all__ = ["FIRST", "LAST", "LOOPBACK", "free_port", "parse_port", "reserved", "was_taken"]

LOOPBACK = "127.0.0.1"
FIRST, LAST = 20_000, 32_000
HIGHEST = 65_535
ATTEMPTS = 200


@contextlib.contextmanager
def reserved(port: int | None = None) -> Iterator[int]:
    """A port that is free and stays so: this one, or any between `FIRST` and `LAST`.

    It is bound here without listening. Others who look for a free port find it taken; the service, which sets
    SO_REUSEADDR as servers do, can listen on it all the same (Linux allows that as long as nobody else listens).

    Raises:
        UsageError: The port that was asked for is in use.
        ServiceError: No free port was found.
    """
    with socket.socket() as holder:
        found = _bind_any(holder) if port is None else _bind(holder, port)
        if found is None and port is None:
            raise ServiceError(f"no free port was found between {FIRST} and {LAST} in {ATTEMPTS} attempts")
        if found is None:
            raise UsageError("the port is in use", value=port, allowed="a free port, or none to have one chosen")
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield found


def free_port() -> int:
    """A port that is free now."""
    with reserved() as port:
        return port


def parse_port(text: str | None) -> int | None:
    """The port in the option `port`; None when it was not given.

    Raises:
        UsageError: It is no port.
    """
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= HIGHEST:
        raise UsageError("not a port", value=text, allowed=f"1 to {HIGHEST}")
    return int(text)


def was_taken(output: str) -> bool:
    """Whether a server's output says that somebody else listens on its port."""
    return "address already in use" in output.lower()


def _bind_any(holder: socket.socket) -> int | None:
    for _ in range(ATTEMPTS):
        if (port := _bind(holder, random.randint(FIRST, LAST))) is not None:
            return port
    return None


def _bind(holder: socket.socket, port: int) -> int | None:
    try:
        holder.bind((LOOPBACK, port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise ServiceError(f"port {port} cannot be used: {error}") from error
        return None
    return port
