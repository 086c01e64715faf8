"""The chaos proxy as a service of the run: every link between users, the reference server and its services."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from pytest_roo_load.core.recipe import Command, Host, Process, Started
from pytest_roo_load.services.link_faults import LINK_FAULTS
from pytest_roo_load.services.ports import LOOPBACK
from pytest_roo_load.services.serving import serve

__all__ = ["Links"]


class Links:
    """The recipe for the service `links`; its URL is that of the proxy's control. Implements `core.recipe.Recipe`."""

    name = "links"
    options = ("port", "seed")
    faults = LINK_FAULTS
    advice = "The proxy alone is started with `roo-load proxy`."

    def needs(self, options: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG002 - the Protocol's signature
        """Nothing: links are made by those who use them."""
        return ()

    async def start(self, host: Host) -> Started:
        """Start the proxy without a link."""
        url, _ = await serve(host, ProxyServer(host))
        return Started(url=url)


class ProxyServer:
    """A proxy to be started. Implements `serving.Server`."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def __repr__(self) -> str:
        return "<ProxyServer>"

    def url(self, port: int) -> str:
        """Where its control is."""
        return f"http://{LOOPBACK}:{port}"

    async def begin(self, port: int) -> Process:
        """Start it."""
        seed = self._host.options.get("seed", "0")
        command = (sys.executable, "-P", "-m", "pytest_roo_load.chaos", "--control", str(port), "--seed", seed)
        return await self._host.spawn(Command(argv=command, environment=os.environ, stop_signal=signal.SIGKILL))

    async def probe(self, port: int, process: Process) -> dict[str, Any] | None:
        """What it has said about itself when it was ready."""
        del port
        lines = [line for line in process.output().splitlines(keepends=True) if line.startswith('{"ready": true')]
        return json.loads(lines[-1]) if lines and lines[-1].endswith("\n") else None
