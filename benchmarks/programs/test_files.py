"""One file up and down, measured at both ends by whoever sends it."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from pytest_roo_load import iterations
from pytest_roo_load.clients.ccs import CCS, Session, Upload
from pytest_roo_load.core.ports import User
from pytest_roo_load.fixtures.load import VirtualUsers
from pytest_roo_load.workloads.files.content import Content
from pytest_roo_load.workloads.files.transfer import download, send

SIZE, AT_ONCE, SERVER = (int(os.environ.get(name, "1")) for name in ("SIZE", "AT_ONCE", "SERVER"))


def used_s(pid: int) -> float:
    """Seconds that all threads of a process have run, to the nanosecond: psutil's are in hundredths."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


async def measured(user: User, direction: str, server: int, transfer: Awaitable[Any]) -> Any:
    """Record how long it took, and what both ends used for it."""
    began, here, there = time.perf_counter(), time.process_time(), used_s(server)
    done = await transfer
    took_s = time.perf_counter() - began
    user.record(direction, (took_s, time.process_time() - here, used_s(server) - there))
    return done


async def upload_to(session: Session, content: Content, at_once: int) -> Upload:
    """Announce a file with its hash, and send its chunks."""
    upload = await session.start_upload("benchmark.bin", content.generated, raw=True)
    await send(upload, range(upload.total), at_once=at_once)
    assert upload.status == "completed"
    return upload


async def one_file(size: int, at_once: int, server: int, user: User) -> None:
    """Up, and down again."""
    session = await CCS(user).login()
    upload = await measured(user, "up", server, upload_to(session, Content("benchmark", size), at_once))
    fetched = await measured(user, "down", server, download(session, upload.file_id, size, cut=False))
    await session.call("DELETE", f"/files/{upload.file_id}")
    assert fetched.sha256 == upload.sha256


def test_files(virtual_users: VirtualUsers) -> None:
    """By an ordinary generator, with everything on."""
    journey = functools.partial(one_file, SIZE, AT_ONCE, SERVER)
    journey.__name__ = "one file"  # type: ignore[attr-defined]
    result = virtual_users.run(journey, iterations(1, users=1, max_duration="60 s"))
    assert result.failed == 0
