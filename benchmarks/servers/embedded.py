"""PostgreSQL or Redis as the plugin starts them, on the server's core."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.cores import SERVER, pinned
from pytest_roo_load.keeper.client import Keeper, KeeperSettings

__all__ = ["embedded"]


@contextmanager
def embedded(name: str) -> Iterator[str]:
    """The URL of a service."""
    place = Path(tempfile.gettempdir()) / f"roo-{secrets.token_hex(4)}"  # not in a folder that only we may enter
    with tempfile.TemporaryDirectory(prefix="roo-benchmark-") as logs, pinned(SERVER):
        keeper = Keeper(KeeperSettings(folder=place, owner_pid=os.getpid(), logs=Path(logs)))
        try:
            yield keeper.ensure(name).url
        finally:
            keeper.shutdown()
