"""Starting a server on a port, again on another one when somebody else was quicker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from pytest_roo_load.core.recipe import Host, Process
from pytest_roo_load.errors import ServiceError
from pytest_roo_load.services import ports

__all__ = ["Server", "serve"]

ATTEMPTS = 5

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Server(Protocol[T_co]):
    """A server that can be started on any port."""

    def url(self, port: int) -> str:
        """Where it is reached."""

    async def begin(self, port: int) -> Process:
        """Start its process."""

    async def probe(self, port: int, process: Process) -> T_co | None:
        """None while it is not ready; what it says about itself when it is."""


async def serve(host: Host, server: Server[T]) -> tuple[str, T]:
    """Start the server on the port given by the option `port`, else on a free one.

    Returns:
        Its URL and what its probe has returned.

    Raises:
        UsageError: The port that was asked for is in use.
        ServiceError: It cannot be started.
    """
    wanted = ports.parse_port(host.options.get("port"))
    for attempt in range(1, ATTEMPTS + 1):
        with ports.reserved(wanted) as port:
            host.announce(server.url(port))
            process = await server.begin(port)
            try:
                return server.url(port), await host.ready(process, _asking(server, port))
            except ServiceError:
                lost = process.exit_status is not None and ports.was_taken(process.output())
                if not lost or wanted is not None or attempt == ATTEMPTS:
                    raise
    raise AssertionError("the last attempt returns or raises")


def _asking(server: Server[T], port: int) -> Callable[[Process], Awaitable[T | None]]:
    async def ask(process: Process) -> T | None:
        return await server.probe(port, process)

    return ask
