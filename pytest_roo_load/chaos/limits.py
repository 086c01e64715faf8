"""Limits of a running process. Only soft limits are changed, so that they can always be set back."""

from __future__ import annotations

import os
import resource
import stat
from contextlib import suppress
from itertools import count, islice
from pathlib import Path

from pytest_roo_load.errors import FaultError

__all__ = ["largest_file", "set_soft", "soft_limit", "unused_descriptor", "virtual_bytes"]


def soft_limit(pid: int, kind: int) -> int:
    """A soft limit of a process (`resource.RLIMIT_...`); `resource.RLIM_INFINITY` for none.

    Raises:
        FaultError: It may not be looked at, or has ended.
    """
    return _as_owner(pid, kind, None)[0]


def set_soft(pid: int, kind: int, value: int) -> None:
    """Change it; above the hard limit it becomes that.

    Raises:
        FaultError: It may not be changed, or the process has ended.
    """
    _as_owner(pid, kind, value)
    found, hard = _as_owner(pid, kind, None)
    if found not in (value, hard):
        raise FaultError(f"the limit of process {pid} is {found} and not {value}")


def _as_owner(pid: int, kind: int, value: int | None) -> tuple[int, int]:
    """Look at a limit or set it, as the account that owns the process: root may lack the right to do it as root."""
    try:
        return _change(pid, kind, value)
    except PermissionError as error:
        if os.geteuid() != 0:
            raise FaultError(f"the limits of process {pid} may not be changed: {error}") from error
    except ProcessLookupError as error:
        raise FaultError(f"process {pid} has ended") from error
    return _in_a_child(pid, kind, value)


def _change(pid: int, kind: int, value: int | None) -> tuple[int, int]:
    soft, hard = resource.prlimit(pid, kind)
    if value is None:
        return soft, hard
    wanted = value if hard == resource.RLIM_INFINITY else min(value, hard) if value >= 0 else hard
    return resource.prlimit(pid, kind, (wanted, hard))


def _in_a_child(pid: int, kind: int, value: int | None) -> tuple[int, int]:
    owner = Path(f"/proc/{pid}").stat()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        answer = b""
        try:
            os.setgroups([])
            os.setgid(owner.st_gid)
            os.setuid(owner.st_uid)
            answer = " ".join(map(str, _change(pid, kind, value))).encode()
        finally:
            os.write(writing, answer)
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        raise FaultError(f"the limits of process {pid} may not be changed, not even by its owner")
    soft, hard = map(int, answer.split())
    return soft, hard


def unused_descriptor(pid: int, before: int) -> int:
    """The lowest number that no descriptor of a process has, but for `before` lower ones: a limit is of numbers.

    Raises:
        FaultError: It may not be looked at, or has ended.
    """
    try:
        used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}  # noqa: PTH208 - names only
    except OSError as error:
        raise FaultError(f"the descriptors of process {pid} are not to be seen: {error}") from error
    return next(islice((number for number in count() if number not in used), before, None))


def largest_file(pid: int) -> int:
    """Bytes of the largest regular file that a process has open; 0 when it has none, or has ended.

    Raises:
        FaultError: It may not be looked at.
    """
    sizes = [0]
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError):  # closed, or deleted
                found = os.stat(entry.path)  # noqa: PTH116 - of what it leads to
                sizes += [found.st_size] if stat.S_ISREG(found.st_mode) else []
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except OSError as error:
        raise FaultError(f"the files of process {pid} are not to be seen: {error}") from error
    return max(sizes)


def virtual_bytes(pid: int) -> int:
    """The size of its address space.

    Raises:
        FaultError: It has ended.
    """
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0])
    except (OSError, IndexError) as error:
        raise FaultError(f"the memory of process {pid} is not to be seen: {error}") from error
    return pages * resource.getpagesize()
