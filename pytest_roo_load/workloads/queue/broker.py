"""What a message queue is to this load, whichever broker it is."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_roo_load.errors import UsageError

__all__ = ["BROKERS", "Broker", "Delivery", "Line", "Place", "broker"]

# Scheme of the URL → (module that adapts the broker, what has to be installed).
BROKERS = {
    "redis": ("with_redis", "redis[hiredis]"),
    "rediss": ("with_redis", "redis[hiredis]"),
    "nats": ("with_nats", "nats-py"),
    "amqp": ("with_amqp", "aio-pika"),
    "amqps": ("with_amqp", "aio-pika"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A queue: where the broker is, the queue's name there, and the group of consumers that shares its messages.

    Attributes:
        takeover_s: See `settings.Choices`, as `tries`.
        own: Whether the queue was made for this run, so that nobody else uses it.
    """

    url: str
    queue: str
    group: str
    takeover_s: float
    tries: int
    own: bool = True


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it was handed out.

    Attributes:
        token: By which the broker knows the delivery.
        times: How often the message has been handed out, this time included.
    """

    token: Any
    body: bytes
    times: int


class Line(Protocol):
    """One connection of a producer or consumer. What goes wrong is an `OperationError`."""

    async def put(self, bodies: Sequence[bytes]) -> None:
        """Put messages in order; when it returns, the broker has taken responsibility for all of them."""

    async def take(self, most: int, wait_s: float) -> list[Delivery]:
        """Up to so many messages for this consumer; none when there are none within the time."""

    async def take_over(self, most: int) -> list[Delivery]:
        """Messages that others of the group have taken and left for the takeover time.

        Empty where the broker hands them out again by itself.
        """

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """These are done with: the broker forgets them."""

    async def pass_over(self, deliveries: Sequence[Delivery]) -> None:
        """These are none of this run: not handed out to its group again; in a queue of others they stay."""

    async def bury(self, delivery: Delivery) -> None:
        """Put a message that cannot be processed among the dead letters."""

    async def finish(self) -> None:
        """This producer has put its last message."""

    async def finished(self) -> int:
        """How many producers have."""

    async def left(self) -> int:
        """Messages that are in the queue, or taken and not acknowledged."""

    async def close(self) -> None:
        """Close at once, as a crash would; idempotent."""


class Broker(Protocol):
    """What is done with a broker besides the load."""

    async def open(self) -> Place:
        """Connect and make the queue; take away what dead runs have left.

        Raises:
            UsageError: The broker cannot be used; says what is needed.
        """

    async def depth(self) -> int:
        """Messages that are in the queue or taken and not acknowledged."""

    async def buried(self) -> list[bytes]:
        """The dead letters."""

    async def renew(self) -> None:
        """Say that the run is alive."""

    async def delete(self) -> None:
        """Take away the queue and all that was made; idempotent."""


def broker(
    url: str, queue: str | None, takeover_s: float, tries: int, permit: Callable[[str], None] | None = None
) -> Broker:
    """The broker that a URL leads to.

    Args:
        url: Of the broker.
        queue: Of others, or None for one of our own.
        takeover_s: See `settings.Choices`, as `tries`.
        tries: How often a message is handed out at most.
        permit: Called with the URL of each further server that the broker names, before anything is sent there; raises
            where it may not be loaded.

    Raises:
        UsageError: No broker is known by the URL's scheme, or its client is not installed.
    """
    found: Broker = _adapter(url).make(url, queue, takeover_s, tries, permit)
    return found


async def connect(place: Place, name: str) -> Line:
    """A connection for the producer or consumer of this name.

    Raises:
        ConnectError: Nobody answers.
    """
    line: Line = await _adapter(place.url).connect(place, name)
    return line


def _adapter(url: str) -> Any:
    scheme = url.partition("://")[0]
    if scheme not in BROKERS:
        allowed = ", ".join(f"{name}://" for name in BROKERS)
        raise UsageError("no broker is known by this URL", value=f"{scheme}://", allowed=allowed)
    module, package = BROKERS[scheme]
    try:
        return importlib.import_module(f"pytest_roo_load.workloads.queue.{module}")
    except ModuleNotFoundError as error:
        raise UsageError("the client is not installed", value=scheme, allowed=f"pip install {package}") from error
