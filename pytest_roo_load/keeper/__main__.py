"""`python -m pytest_roo_load.keeper`: started by `keeper.launch`, never by hand."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import signal
from pathlib import Path

from pytest_roo_load.keeper.identity import Identity
from pytest_roo_load.keeper.server import Settings, serve


def main() -> None:
    """Leave the process that was started, so that nobody has to wait for the keeper, and serve."""
    parser = argparse.ArgumentParser(prog="python -m pytest_roo_load.keeper", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--logs", type=Path, required=True)
    parser.add_argument("--owner", type=Identity.parse, required=True, help="PID:START of the owner")
    parser.add_argument("--recipes", required=True, help="MODULE:CALLABLE")
    parser.add_argument("--lock", type=int, required=True, help="inherited descriptor that holds the folder's lock")
    parser.add_argument("--ready", type=int, required=True, help="inherited descriptor to report to")
    given = parser.parse_args()
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # whatever the thread that started us had blocked
    for descriptor in (given.lock, given.ready):
        fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    asyncio.run(
        serve(
            Settings(folder=given.folder, logs=given.logs, owner=given.owner, recipes=given.recipes, ready=given.ready)
        )
    )


if __name__ == "__main__":
    main()
