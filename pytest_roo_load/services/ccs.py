"""The reference server, with the services it uses or with those that it is told."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pytest_roo_load.core.faults.breakage import MakeBreakage
from pytest_roo_load.core.recipe import Host, Started
from pytest_roo_load.errors import ServiceError, UsageError
from pytest_roo_load.services.ccs_instance import CCSServer, Family
from pytest_roo_load.services.envoy import Envoy, balance_over
from pytest_roo_load.services.http_probe import head_of
from pytest_roo_load.services.serving import serve

__all__ = ["CCS"]

T = TypeVar("T")

MOST_INSTANCES = 16
MODULES = ("bcrypt", "jwt", "orjson")  # of the extra `embedded`
NEEDED = {"database": "postgres", "redis": "redis"}  # option -> the service that stands in when it is not given


class CCS:
    """The recipe for the service `ccs`. Implements `core.recipe.Recipe`."""

    name = "ccs"
    options = ("port", "instances", "arguments", "answers", *NEEDED)
    faults: Mapping[str, MakeBreakage] = {}
    advice = "Its log says more; the server alone is started with `python -m pytest_roo_load.ccs`."

    def needs(self, options: Mapping[str, str]) -> tuple[str, ...]:
        """PostgreSQL and Redis, unless their URLs were given, and Envoy in front of several instances."""
        balancer = (Envoy.name,) if _instances(options) > 1 else ()
        return tuple(service for option, service in NEEDED.items() if option not in options) + balancer

    async def start(self, host: Host) -> Started:
        """Start it at the same time as what it uses: it waits for that by itself.

        Several instances share everything. Their processes are in the order of their numbers, which their ids begin
        with (`ccs-1-...`), and the address of the service is that of the load balancer.
        """
        missing = [name for name in MODULES if importlib.util.find_spec(name) is None]
        if missing:
            raise ServiceError(
                f"the embedded server needs {' and '.join(missing)}, not installed here; "
                "pip install 'pytest-roo-load[embedded]', or name a server with --roo-target"
            )
        backends = {
            option: host.options.get(option) or await host.address(service) for option, service in NEEDED.items()
        }
        family = Family(host=host, backends=backends)
        count = _instances(host.options)
        if count == 1:
            _, ready = await serve(host, CCSServer(family, 1))
            return Started(url=ready["url"])
        urls = await _all_of([serve(host, CCSServer(family, number)) for number in range(1, count + 1)])
        front = await host.address(Envoy.name)
        balance_over(host.folder.with_name(Envoy.name), [url for url, _ in urls])
        host.announce(front)
        await _all_answer(front, {ready["instance_id"] for _, ready in urls})
        return Started(url=front)


def _instances(options: Mapping[str, str]) -> int:
    """The option `instances`.

    Raises:
        UsageError: It is not a number that makes sense.
    """
    text = options.get("instances", "1")
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= MOST_INSTANCES:
        raise UsageError("not a number of instances", value=text, allowed=f"1 to {MOST_INSTANCES}")
    if int(text) > 1 and "port" in options:
        raise UsageError("several instances cannot have one port", value=options["port"], allowed="no port")
    return int(text)


async def _all_of(starts: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of them give, side by side; the first that fails ends the others."""
    tasks = [asyncio.create_task(start) for start in starts]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _all_answer(front: str, wanted: set[str]) -> None:
    """Return when every instance has answered through the load balancer."""
    missing = set(wanted)
    while missing:
        missing.discard(await answering_instance(front) or "")
        await asyncio.sleep(0.01)


async def answering_instance(url: str) -> str | None:
    """Which instance answers a request for its health at this address; None when none does."""
    where = urlsplit(url)
    lines = await head_of(where.hostname or "", where.port or 80, "/health")
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("x-instance-id:")]
    return found[0] if found else None
