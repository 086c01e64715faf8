"""What an HTTP client asks of whatever speaks HTTP for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from pytest_roo_load.clients.http.body import StreamedBody
from pytest_roo_load.clients.http.connecting import Opened
from pytest_roo_load.clients.http.origin import Origin
from pytest_roo_load.clients.http.response import RawHeaders, Response
from pytest_roo_load.clients.http.settings import HttpSettings
from pytest_roo_load.clients.sweeper import Sweeper

if TYPE_CHECKING:
    from pytest_roo_load.clients.http.connection import Connection

__all__ = ["Stream", "Transport", "transport_to"]


class Stream(Protocol):
    """An answer whose head is there and whose body is read piece by piece.

    Attributes:
        status: The status code.
        raw_headers: (name, value) pairs in order, as they came.
    """

    status: int
    raw_headers: RawHeaders

    async def read(self) -> bytes:
        """The next piece; empty at the end.

        Raises:
            OperationError: The rest will not come.
        """

    def close(self) -> None:
        """Nobody will read any more; idempotent."""


class Transport(Protocol):
    """Keep-alive connections of one user to one origin. Each request has a connection for itself.

    Attributes:
        latest: The connection of ours that was used last, which may be idle; None where a library has its own.
    """

    latest: Connection | None

    def exchange(self, head: bytes, body: bytes | StreamedBody, deadline: float) -> Awaitable[Response]:
        """The complete answer to a request, as it came: no cookies, no redirects, nothing decoded.

        Args:
            head: Request line and header lines, as `request_line` and `header_lines` make them, and an empty line.
            body: What follows; a line of the head says where it ends.
            deadline: When the answer must be complete, on the clock of `time.perf_counter`.

        Raises:
            OperationError: There is none.
        """

    def forsake(self) -> None:
        """End whatever was cancelled while its answer was awaited; to be called after a cancelled `exchange`."""

    async def stream(self, head: bytes, body: bytes | StreamedBody, timeout_s: float) -> Stream:
        """The same, but the answer comes with its head; so many seconds without a byte end it."""

    async def close(self) -> None:
        """Close all connections; idempotent."""


def transport_to(
    origin: Origin, settings: HttpSettings, sweeper: Sweeper, opened: Callable[[Opened], object]
) -> Transport:
    """What the settings choose, for one origin.

    Args:
        origin: Where it connects to.
        settings: Its settings.
        sweeper: Ends what is past its deadline.
        opened: Told of every new connection.
    """
    if settings.library == "aiohttp":
        from pytest_roo_load.clients.http.with_aiohttp import AiohttpTransport  # noqa: PLC0415 - loaded when used

        return AiohttpTransport(origin, settings, opened)
    from pytest_roo_load.clients.http.pool import Pool  # noqa: PLC0415 - loaded when used

    return Pool(origin, settings, sweeper, opened)
