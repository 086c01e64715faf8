"""The sockets of another process: packets lost by a filter, a pace, a reset. Linux alone, and without any tool.

A descriptor of the other process is duplicated with pidfd_getfd(2); what is set on the duplicate is set on the socket.
The filter is a program of classic BPF (Linux, Documentation/networking/filter.rst) that throws the kernel's dice.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from pytest_roo_load.errors import FaultError

__all__ = ["attach_loss", "break_off", "detach_loss", "set_pace", "tcp_sockets"]

SYS_PIDFD_GETFD = 438  # on every architecture
SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_MAX_PACING_RATE = 26, 27, 47
UNLIMITED = 0xFFFFFFFF
_LOAD_RANDOM = (0x20, 0, 0, 0xFFFFF000 + 56)  # A = a random 32-bit number (SKF_AD_RANDOM)
_KEEP, _DROP = (0x06, 0, 0, UNLIMITED), (0x06, 0, 0, 0)
_RESET = struct.pack("ii", 1, 0)
_libc = ctypes.CDLL(None, use_errno=True)


def tcp_sockets(pid: int) -> Iterator[socket.socket]:
    """Duplicates of the TCP sockets that a process has open, listening ones too; each is closed behind the caller.

    Raises:
        FaultError: The kernel does not let us, or the process has ended.
    """
    try:
        process = os.pidfd_open(pid)
        names = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208 - names only
    except OSError as error:
        raise FaultError(f"the sockets of process {pid} are not to be had: {error}") from error
    try:
        for name in names:
            with suppress(FileNotFoundError):
                if str(Path(f"/proc/{pid}/fd/{name}").readlink()).startswith("socket:"):
                    yield from _if_tcp(_duplicate(process, int(name)))
    finally:
        os.close(process)


def _duplicate(process: int, number: int) -> int:
    found = int(_libc.syscall(SYS_PIDFD_GETFD, process, number, 0))
    if found < 0:
        error = os.strerror(ctypes.get_errno())
        raise FaultError(f"not available here: the kernel does not give away another process's sockets ({error})")
    return found


def _if_tcp(descriptor: int) -> Iterator[socket.socket]:
    with closing(socket.socket(fileno=descriptor)) as one:
        if one.family in (socket.AF_INET, socket.AF_INET6) and one.type == socket.SOCK_STREAM:
            yield one


def attach_loss(one: socket.socket, rate: float) -> None:
    """Let the kernel drop a share of the packets that come in; connections that it accepts have it too.

    Raises:
        FaultError: The kernel does not let us.
    """
    compare = (0x25, 1, 0, min(UNLIMITED, round(rate * 2**32)))  # A > k: keep
    steps = b"".join(struct.pack("HBBI", *step) for step in (_LOAD_RANDOM, compare, _DROP, _KEEP))
    program = ctypes.create_string_buffer(steps)
    try:
        one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 4, ctypes.addressof(program)))
    except OSError as error:
        raise FaultError(f"not available here: a filter on a socket is refused ({error.strerror})") from error


def detach_loss(one: socket.socket) -> None:
    """Drop nothing any more."""
    with suppress(OSError):  # it has no filter
        one.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


def set_pace(one: socket.socket, rate: int | None) -> None:
    """Let the kernel send no more than so many bytes a second; None for no pace.

    Raises:
        FaultError: The kernel does not let us.
    """
    wanted = UNLIMITED if rate is None else rate
    try:
        one.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, struct.pack("I", wanted))
    except OSError as error:
        raise FaultError(f"not available here: a pace on a socket is refused ({error.strerror})") from error


def break_off(one: socket.socket) -> bool:
    """Reset an established connection; False for any other socket."""
    try:
        one.getpeername()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return False
    return True
