"""A reference server whose connections, to its services and from its users, can be broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pytest_roo_load.core.recipe import Host, Started
from pytest_roo_load.errors import FaultError, ServiceError
from pytest_roo_load.services.ccs import CCS, NEEDED
from pytest_roo_load.services.control import ask
from pytest_roo_load.services.links import Links

__all__ = ["LinkedCCS"]

PORTS = {"postgres": 5432, "redis": 6379, "ccs": 80}


class LinkedCCS(CCS):
    """The recipe for the service `ccs-linked`: one instance of its own, beside the one that measurements use.

    It has the same PostgreSQL and Redis, by way of the links "postgres" and "redis"; its URL is that of the link "ccs".
    """

    name = "ccs-linked"
    options = ("port", "answers", *NEEDED)

    def needs(self, options: Mapping[str, str]) -> tuple[str, ...]:
        """The proxy, and what the server needs."""
        return (*super().needs(options), Links.name)

    async def start(self, host: Host) -> Started:
        """Make the links and start the server between them."""
        control = await host.address(Links.name)
        await host.until_ready(Links.name)
        linked = {}
        for option, service in NEEDED.items():
            url = host.options.get(option) or await host.address(service)
            linked[option] = await _open(control, service, url)
        started = await super().start(_HostWith(host, linked))
        url = await _open(control, "ccs", started.url)
        host.announce(url)
        return Started(url=url, version=started.version)


async def _open(control: str, name: str, url: str) -> str:
    """The URL by way of a new link of this name."""
    where = urlsplit(url)
    server = f"{where.hostname}:{where.port or PORTS[name]}"
    try:
        if name in await ask(control, "GET", "/links"):
            await ask(control, "DELETE", f"/links/{name}")
        link = await ask(control, "POST", "/links", {"name": name, "server": server})
    except FaultError as error:
        raise ServiceError(f"the link {name} could not be made: {error}") from error
    login = where.netloc.rpartition("@")
    return where._replace(netloc=f"{login[0]}{login[1]}127.0.0.1:{link['port']}").geturl()


class _HostWith:
    """A host with other options. Implements `core.recipe.Host`."""

    def __init__(self, host: Host, options: Mapping[str, str]) -> None:
        self._host = host
        self.options = {**host.options, **options}

    def __repr__(self) -> str:
        return f"<_HostWith {', '.join(self.options)} for {self._host!r}>"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)
