"""Envoy: the load balancer in front of several instances, which are told to it by a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pytest_roo_load.core.faults.breakage import MakeBreakage
from pytest_roo_load.core.recipe import Account, Command, Host, Process, Started
from pytest_roo_load.errors import UsageError
from pytest_roo_load.services.account import give_to, require_reach, service_account
from pytest_roo_load.services.binaries import Programs, find_envoy, within_reach
from pytest_roo_load.services.cache import Cache, default_root
from pytest_roo_load.services.envoy_config import POLICIES, configuration, endpoints
from pytest_roo_load.services.http_probe import head_of
from pytest_roo_load.services.ports import LOOPBACK
from pytest_roo_load.services.serving import serve

__all__ = ["Envoy", "balance_over", "server_arguments"]

ENDPOINTS = "endpoints.json"


class Envoy:
    """The recipe for the service `envoy`. Implements `core.recipe.Recipe`."""

    name = "envoy"
    options = ("port", "policy")
    faults: Mapping[str, MakeBreakage] = {}
    advice = "It balances over the instances of the embedded server; a single one needs none."

    def needs(self, options: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG002 - the Protocol's signature
        """Nothing."""
        return ()

    async def start(self, host: Host) -> Started:
        """Start it, over no instances yet: see `balance_over`."""
        policy = host.options.get("policy", "round_robin")
        if policy not in POLICIES:
            raise UsageError("unknown policy", value=policy, allowed=", ".join(POLICIES))
        account = service_account()
        require_reach(host.folder, account)
        programs = await within_reach(host, Cache(default_root()), find_envoy(), account)
        url, _ = await serve(host, EnvoyServer(host, programs, account, policy))
        return Started(url=url)


class EnvoyServer:
    """One Envoy to be started. Implements `serving.Server`."""

    def __init__(self, host: Host, programs: Programs, account: Account | None, policy: str) -> None:
        self._host = host
        self._programs = programs
        self._account = account
        self._policy = policy

    def __repr__(self) -> str:
        return f"<EnvoyServer {self._host.folder}, {self._policy}>"

    def url(self, port: int) -> str:
        """Where it is reached."""
        return f"http://{LOOPBACK}:{port}"

    async def begin(self, port: int) -> Process:
        """Write the configuration and start the server; it writes where its own interface is."""
        folder = self._host.folder
        give_to(self._account, folder)
        balance_over(folder, [])
        settings = configuration(host=LOOPBACK, port=port, endpoints_file=str(folder / ENDPOINTS), policy=self._policy)
        _replace(folder / "envoy.json", settings)
        argv = (self._programs.path("envoy"), *server_arguments(folder))
        return await self._host.spawn(Command(argv=argv, environment={"LC_ALL": "C"}, account=self._account))

    async def probe(self, port: int, process: Process) -> bool | None:
        """True when this very server, not another one on its port, is ready."""
        del port, process
        address = self._host.folder / "admin"
        if not address.exists():
            return None
        host, _, port_text = address.read_text(encoding="utf-8").strip().rpartition(":")
        head = await head_of(host, int(port_text or 0), "/ready")
        return True if head and " 200 " in head[0] else None


def balance_over(folder: Path, urls: Sequence[str]) -> None:
    """Tell the Envoy that has this folder where the instances are; it notices within milliseconds."""
    parts = [urlsplit(url) for url in urls]
    _replace(folder / ENDPOINTS, endpoints([(part.hostname or "", part.port or 80) for part in parts]))


def server_arguments(folder: Path) -> tuple[str, ...]:
    """The command line of the server, after the program. Hot restart would leave files behind."""
    own = ("-c", str(folder / "envoy.json"), "--admin-address-path", str(folder / "admin"))
    return (*own, "--concurrency", "1", "--disable-hot-restart", "-l", "warn")


def _replace(file: Path, content: object) -> None:
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.chmod(0o644)
    os.replace(partial, file)  # noqa: PTH105 - Envoy notices a rename into place, and nothing else
