"""Starts Python programs such that they answer: where they allocate, how many tasks they have."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pytest_roo_load.tracing.bootstrap import sitecustomize

__all__ = ["FOLDER", "OwnServers", "traced"]

FOLDER = sitecustomize.FOLDER
_BOOTSTRAP = Path(sitecustomize.__file__).parent
_LONGEST = 60  # of a folder, so that a socket in it has a path that is short enough


def traced(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment of a Python program that is to answer in this folder, which must exist.

    Programs that are started with `-E`, `-I` or `-S`, or are not written in Python, do not notice.
    """
    paths = [str(_BOOTSTRAP), *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths), FOLDER: str(folder)}


class OwnServers:
    """How servers that tests start themselves are started in this process; said by the run's options."""

    tell = False

    @classmethod
    @contextmanager
    def environment(cls) -> Iterator[dict[str, str] | None]:
        """Of one server, for as long as it runs; None for pytest's own."""
        if not cls.tell:
            yield None
            return
        usual = tempfile.gettempdir()
        parent = usual if len(os.fsencode(usual)) <= _LONGEST else "/tmp"  # noqa: S108 - made 0700
        with tempfile.TemporaryDirectory(prefix="roo-", dir=parent) as folder:
            yield traced(os.environ, Path(folder))
