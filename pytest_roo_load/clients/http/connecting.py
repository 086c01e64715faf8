"""New connections: name, socket and TLS, each step timed and its failure named."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple, TypeVar

from pytest_roo_load.clients.http.origin import Origin
from pytest_roo_load.clients.tls import TlsSettings
from pytest_roo_load.errors import ConnectError, OperationTimeout

__all__ = ["Opened", "connect_error", "open_connection"]

_Protocol = TypeVar("_Protocol", bound=asyncio.Protocol)
_HANDSHAKE_S = 3600.0  # the caller's deadline comes first


class Opened(NamedTuple):
    """How long a new connection took.

    Attributes:
        connect_s: Seconds for the name and the connection.
        tls_s: Seconds for the TLS handshake; None without TLS.
    """

    connect_s: float
    tls_s: float | None


async def open_connection(
    origin: Origin, tls: TlsSettings, protocol: Callable[[], _Protocol], deadline: float
) -> tuple[_Protocol, Opened]:
    """Connect to an origin.

    Raises:
        OperationTimeout: Not before the deadline, on the clock of `time.perf_counter`.
        ConnectError: Not at all; its kind is "connection refused", "connection reset", "tls" or "connect".
        UsageError: The files of the TLS settings cannot be loaded.
    """
    context = tls.context() if origin.tls else None
    try:
        async with asyncio.timeout(deadline - perf_counter()):
            return await _open(origin, (context, tls.server_name or origin.host), protocol)
    except TimeoutError:
        raise OperationTimeout(f"no connection to {origin} before the deadline") from None
    except OSError as error:
        raise connect_error(error, f"no connection to {origin}") from error


async def _open(
    origin: Origin, tls: tuple[ssl.SSLContext | None, str], protocol: Callable[[], _Protocol]
) -> tuple[_Protocol, Opened]:
    loop, began = asyncio.get_running_loop(), perf_counter()
    context, name = tls
    if context is None:
        _, made = await loop.create_connection(protocol, origin.host, origin.port)
        return made, Opened(perf_counter() - began, None)
    plug = await _connected(origin)
    connected = perf_counter()
    try:
        _, made = await loop.create_connection(
            protocol, sock=plug, ssl=context, server_hostname=name, ssl_handshake_timeout=_HANDSHAKE_S
        )
    except OSError as error:
        if isinstance(error, ssl.SSLError):
            raise
        raise ssl.SSLError(f"the connection ended in the TLS handshake: {error}") from error
    return made, Opened(connected - began, perf_counter() - connected)


async def _connected(origin: Origin) -> socket.socket:
    """A socket that is connected to the first address that answers."""
    loop = asyncio.get_running_loop()
    trouble: OSError = OSError(f"{origin.host} has no address")
    for family, kind, number, _, address in await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM):
        plug = socket.socket(family, kind, number)
        plug.setblocking(False)  # noqa: FBT003 - the socket module's own
        try:
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(plug, address)
        except OSError as error:
            plug.close()
            trouble = error
        except BaseException:
            plug.close()
            raise
        else:
            return plug
    raise trouble


def connect_error(error: OSError, what: str) -> ConnectError:
    """The error that tells why there is no connection, by the kind that failures are counted under."""
    kinds = (
        (ssl.SSLError, "tls"),
        (ConnectionRefusedError, "connection refused"),
        (ConnectionResetError, "connection reset"),
    )
    kind = next((kind for sort, kind in kinds if isinstance(error, sort)), "connect")
    return ConnectError(f"{what}: {error}", kind=kind)
