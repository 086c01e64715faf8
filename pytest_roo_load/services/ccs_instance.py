"""One instance of the reference server: how it is started, and when it is ready."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Mapping
from typing import Any

from pytest_roo_load.core.passwords import without_password
from pytest_roo_load.core.recipe import Command, Host, Process
from pytest_roo_load.services.ports import LOOPBACK
from pytest_roo_load.tracing.environment import traced

__all__ = ["CCSServer", "Family", "backend_settings", "rate_limits", "ready_line"]

SECRET_BYTES = 32
BCRYPT_COST = 4  # the least there is: load tests are not about guessing passwords
RAISED = 100_000_000  # load comes from one address: what stops attackers would stop it


class Family:
    """What the instances of one service share: backends, the secret of their tokens, the folder of their files."""

    def __init__(self, *, host: Host, backends: Mapping[str, str]) -> None:
        self.host = host
        self.backends = backends
        self.secret = os.urandom(SECRET_BYTES).hex()
        self.name = os.urandom(2).hex()  # so that instances of other runs that share a Redis have other ids

    def __repr__(self) -> str:
        return f"<Family {self.name} with {', '.join(self.backends)}>"

    def command(self, number: int, port: int) -> Command:
        """What starts the instance of this number."""
        arguments, secrets = backend_settings(self.backends)
        arguments += ["--host", LOOPBACK, "--port", str(port), "--instance-id", f"ccs-{number}-{self.name}"]
        arguments += ["--file-root", str(self.host.folder / "files"), "--bcrypt-cost", str(BCRYPT_COST)]
        arguments += [*rate_limits(RAISED), *shlex.split(self.host.options.get("arguments", ""))]
        return Command(
            argv=(sys.executable, "-P", "-m", "pytest_roo_load.ccs", *arguments),
            environment={**self._environment(), **secrets, "CCS_JWT_SECRET": self.secret},
            stop_signal=signal.SIGKILL,
        )

    def _environment(self) -> Mapping[str, str]:
        """The keeper's, with the option `answers` such that the program tells of itself what it is asked."""
        if "answers" not in self.host.options:
            return os.environ
        folder = self.host.folder / "answers"
        folder.mkdir(mode=0o700, exist_ok=True)
        return traced(os.environ, folder)


class CCSServer:
    """One instance of the reference server to be started. Implements `serving.Server`."""

    def __init__(self, family: Family, number: int) -> None:
        self._family = family
        self._number = number

    def __repr__(self) -> str:
        return f"<CCSServer {self._number} of {self._family!r}>"

    def url(self, port: int) -> str:
        """Where it is reached."""
        return f"http://{LOOPBACK}:{port}"

    async def begin(self, port: int) -> Process:
        """Start the server."""
        return await self._family.host.spawn(self._family.command(self._number, port))

    async def probe(self, port: int, process: Process) -> dict[str, Any] | None:
        """What it has said about itself; it says so once, when it is ready."""
        del port
        return ready_line(process.output(), process.pid)


def rate_limits(limit: int) -> list[str]:
    """Arguments that set all rate limits to so many requests in a window."""
    return [text for kind in ("general", "login", "upload") for text in (f"--rate-{kind}", str(limit))]


def backend_settings(backends: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment that tell the server its backends; a URL with a password is never an argument."""
    arguments, environment = [], {}
    for option, url in backends.items():
        if without_password(url) == url:
            arguments += [f"--{option}", url]
        else:
            environment[f"CCS_{option.upper()}"] = url
    return arguments, environment


def ready_line(output: str, pid: int) -> dict[str, Any] | None:
    """The complete line of JSON with which this process says that it is ready, if there is one."""
    for line in output.splitlines(keepends=True):
        if line.startswith("{") and line.endswith("\n"):
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict) and message.get("ready") is True and message.get("pid") == pid:
                return message
    return None
