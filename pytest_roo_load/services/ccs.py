"""The reference server, with the services it uses or with those that it is told."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pytest_roo_load.core.faults.breakage import MakeBreakage
from pytest_roo_load.core.recipe import Command, Host, Process, Started
from pytest_roo_load.errors import ServiceError
from pytest_roo_load.services.ports import LOOPBACK
from pytest_roo_load.services.serving import serve

__all__ = ["CCS", "backend_settings", "ready_line"]

SECRET_BYTES = 32
BCRYPT_COST = 4  # the least there is: load tests are not about guessing passwords
RAISED = 100_000_000  # load comes from one address: what stops attackers would stop it
MODULES = ("bcrypt", "jwt", "orjson")  # of the extra `embedded`
NEEDED = {"database": "postgres", "redis": "redis"}  # option -> the service that stands in when it is not given


class CCS:
    """The recipe for the service `ccs`. Implements `core.recipe.Recipe`."""

    name = "ccs"
    options = ("port", *NEEDED)
    faults: Mapping[str, MakeBreakage] = {}
    advice = "Its log says more; the server alone is started with `python -m pytest_roo_load.ccs`."

    def needs(self, options: Mapping[str, str]) -> tuple[str, ...]:
        """PostgreSQL and Redis, unless their URLs were given."""
        return tuple(service for option, service in NEEDED.items() if option not in options)

    async def start(self, host: Host) -> Started:
        """Start it at the same time as what it uses: it waits for that by itself."""
        missing = [name for name in MODULES if importlib.util.find_spec(name) is None]
        if missing:
            raise ServiceError(
                f"the embedded server needs {' and '.join(missing)}, not installed here; "
                "pip install 'pytest-roo-load[embedded]', or name a server with --roo-target"
            )
        backends = {
            option: host.options.get(option) or await host.address(service) for option, service in NEEDED.items()
        }
        _, ready = await serve(host, CCSServer(host, backends))
        return Started(url=ready["url"], version=str(ready.get("version", "")))


class CCSServer:
    """One instance of the reference server to be started. Implements `serving.Server`."""

    def __init__(self, host: Host, backends: Mapping[str, str]) -> None:
        self._host = host
        self._backends = backends

    def __repr__(self) -> str:
        return f"<CCSServer with {', '.join(self._backends)}>"

    def url(self, port: int) -> str:
        """Where it is reached."""
        return f"http://{LOOPBACK}:{port}"

    async def begin(self, port: int) -> Process:
        """Start the server with a new secret for its tokens."""
        arguments, secrets = backend_settings(self._backends)
        arguments += ["--file-root", str(self._host.folder / "files")]
        secrets["CCS_JWT_SECRET"] = os.urandom(SECRET_BYTES).hex()
        command = (sys.executable, "-P", "-m", "pytest_roo_load.ccs", "--host", LOOPBACK, "--port", str(port))
        return await self._host.spawn(
            Command(
                argv=(*command, *arguments, "--bcrypt-cost", str(BCRYPT_COST), *rate_limits(RAISED)),
                environment={**os.environ, **secrets},
                stop_signal=signal.SIGKILL,
            )
        )

    async def probe(self, port: int, process: Process) -> dict[str, Any] | None:
        """What it has said about itself; it says so once, when it is ready."""
        del port
        return ready_line(process.output())


def rate_limits(limit: int) -> list[str]:
    """Arguments that set all rate limits to so many requests in a window."""
    return [text for kind in ("general", "login", "upload") for text in (f"--rate-{kind}", str(limit))]


def backend_settings(backends: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment that tell the server its backends; a URL with a password is never an argument."""
    arguments, environment = [], {}
    for option, url in backends.items():
        if urlsplit(url).password is None:
            arguments += [f"--{option}", url]
        else:
            environment[f"CCS_{option.upper()}"] = url
    return arguments, environment


def ready_line(output: str) -> dict[str, Any] | None:
    """The complete line of JSON that says `"ready": true`, if there is one."""
    for line in output.splitlines(keepends=True):
        if line.startswith("{") and line.endswith("\n"):
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict) and message.get("ready") is True:
                return message
    return None
