"""``python -m pytest_roo_load.ccs``: exits 0 after a stop by signal, 1 when it cannot serve, 2 for wrong options."""

from __future__ import annotations

import logging
import os
import resource
import sys

from pytest_roo_load.ccs.errors import CcsError, SettingsError
from pytest_roo_load.ccs.settings import read_settings


def main() -> int:
    """Read the options, serve, and return the exit code."""
    try:
        settings = read_settings(sys.argv[1:], os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY:  # a connection each; shells allow a thousand at first
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    logging.basicConfig(
        level=settings.log_level.upper(),
        format=f"%(asctime)s {settings.instance_id} %(levelname)s %(name)s: %(message)s",
    )
    # The middleware logs what fails in a handler; what is left for aiohttp to report is what clients did wrong.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    # Wrong options are answered without loading the server.
    import asyncio  # noqa: PLC0415

    try:
        if settings.workers > 1:
            from pytest_roo_load.ccs.workers import run_workers  # noqa: PLC0415

            asyncio.run(run_workers(settings, sys.argv[1:]))
        else:
            import uvloop  # noqa: PLC0415

            from pytest_roo_load.ccs.server import run  # noqa: PLC0415

            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(run(settings))
    except (CcsError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
