"""Queues by AMQP 0-9-1, such as RabbitMQ has: a quorum queue, publisher confirms, explicit acknowledgements.

The broker deletes what nobody has used for a minute, so that a run which is killed leaves nothing for long.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from time import perf_counter

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import AMQPError
from aiormq.exceptions import AMQPConnectionError
from pamqp.common import FieldValue

from pytest_roo_load.errors import ConnectError, ConnectionLost, OperationError, UsageError
from pytest_roo_load.workloads.queue.broker import Delivery, Place

__all__ = ["AmqpLine", "AmqpQueue", "connect", "make"]

_PREFIX = "roo_load_"
_CONNECT_S = 5.0
_UNUSED_MS = 60_000
_PREFETCH = 100
_QUIET_S = 0.5
_DELIVERED = "x-delivery-count"


def make(url: str, queue: str | None, takeover_s: float, tries: int, _permit: object) -> AmqpQueue:
    """See `broker.broker`: no other server is ever contacted."""
    return AmqpQueue(url, queue, takeover_s, tries)


async def connect(place: Place, name: str) -> AmqpLine:
    """See `broker.connect`."""
    connection = await _connection(place.url)
    channel = await connection.channel(publisher_confirms=True)
    await channel.set_qos(prefetch_count=_PREFETCH)
    return AmqpLine(connection, channel, place, name)


async def _connection(url: str) -> AbstractConnection:
    try:
        return await aio_pika.connect(url, timeout=_CONNECT_S)
    except (AMQPError, AMQPConnectionError, OSError, ValueError) as error:  # TimeoutError is an OSError
        raise ConnectError(str(error) or type(error).__name__) from error


class AmqpQueue:
    """See `Broker`. Two more queues have the dead letters and the ends of producers."""

    def __init__(self, url: str, queue: str | None, takeover_s: float, tries: int) -> None:
        name = queue or f"{_PREFIX}{secrets.token_hex(5)}"
        self._place = Place(url=url, queue=name, group=name, takeover_s=takeover_s, tries=tries, own=queue is None)
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None

    def __repr__(self) -> str:
        return f"<AmqpQueue {self._place.queue}>"

    async def open(self) -> Place:
        """See `Broker`."""
        if not self._place.own:
            raise UsageError(
                "a queue of AMQP that exists already cannot be used",
                value=self._place.queue,
                allowed="a queue of our own",
                remedy="leave queue= out: taking from a queue takes from everybody",
            )
        try:
            self._connection = await _connection(self._place.url)
            self._channel = await self._connection.channel()
            for name in _names(self._place):
                await _declared(self._channel, name)
        except (ConnectError, AMQPError) as error:
            raise UsageError(
                f"the broker cannot be used: {error}",
                value=self._place.url.rpartition("@")[2],
                allowed="the URL of a running broker in whose virtual host we may configure queues roo_load_*",
                remedy="start it, or correct the URL",
            ) from error
        return self._place

    def _open_channel(self) -> AbstractChannel:
        assert self._channel is not None
        return self._channel

    async def depth(self) -> int:
        """See `Broker`; what consumers hold is not told by AMQP and does not count."""
        return await _ready(self._open_channel(), self._place.queue)

    async def buried(self) -> list[bytes]:
        """See `Broker`."""
        queue = await _declared(self._open_channel(), _dead(self._place))
        found: list[bytes] = []
        while (message := await queue.get(fail=False)) is not None:
            found.append(message.body)
        return found

    async def renew(self) -> None:
        """See `Broker`: declaring a queue again is using it."""
        for name in _names(self._place):
            await _declared(self._open_channel(), name)

    async def delete(self) -> None:
        """See `Broker`."""
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        try:
            for name in _names(self._place):
                await self._open_channel().queue_delete(name)
        finally:
            await connection.close()


def _names(place: Place) -> tuple[str, str, str]:
    return place.queue, _dead(place), _ends(place)


def _dead(place: Place) -> str:
    return f"{place.queue}_dead"


def _ends(place: Place) -> str:
    return f"{place.queue}_ends"


async def _declared(channel: AbstractChannel, name: str) -> AbstractQueue:
    arguments: dict[str, FieldValue] = {"x-queue-type": "quorum", "x-expires": _UNUSED_MS}
    return await channel.declare_queue(name, durable=True, arguments=arguments)


async def _ready(channel: AbstractChannel, name: str) -> int:
    """Messages that wait in a queue."""
    queue = await channel.declare_queue(name, passive=True)
    return int(queue.declaration_result.message_count or 0)


class AmqpLine:
    """See `Line`. The broker pushes; what has come and was not asked for yet waits here."""

    def __init__(self, connection: AbstractConnection, channel: AbstractChannel, place: Place, name: str) -> None:
        self._connection = connection
        self._channel = channel
        self._place = place
        self._name = name
        self._come: asyncio.Queue[AbstractIncomingMessage] | None = None
        self._held: deque[tuple[float, AbstractIncomingMessage]] = deque()
        self._busy = perf_counter()

    def __repr__(self) -> str:
        return f"<AmqpLine {self._name} of {self._place.queue}>"

    async def put(self, bodies: Sequence[bytes]) -> None:
        """See `Line`: published in order, confirmed together."""
        with _translated():
            await asyncio.gather(*(self._publish(self._place.queue, body) for body in bodies))

    async def _publish(self, queue: str, body: bytes) -> None:
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await self._channel.default_exchange.publish(message, routing_key=queue, mandatory=True)

    async def take(self, most: int, wait_s: float) -> list[Delivery]:
        """See `Line`."""
        with _translated():
            come = self._come if self._come is not None else await self._consume()
        messages: list[AbstractIncomingMessage] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                messages.append(await come.get())
        while messages and len(messages) < most and not come.empty():
            messages.append(come.get_nowait())
        now = perf_counter()
        if messages:
            self._busy = now
        self._held.extend((now, message) for message in messages)
        return [Delivery(message, message.body, _times(message)) for message in messages]

    async def _consume(self) -> asyncio.Queue[AbstractIncomingMessage]:
        come: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._come = come
        queue = await self._channel.get_queue(self._place.queue)
        await queue.consume(come.put, consumer_tag=self._name)
        return come

    async def take_over(self, most: int) -> list[Delivery]:
        """See `Line`: gives back what this consumer itself has held too long; the broker hands it out again."""
        del most
        limit = perf_counter() - self._place.takeover_s
        with _translated():
            while self._held and self._held[0][0] <= limit:
                _, message = self._held.popleft()
                await message.nack(requeue=True)
                self._busy = perf_counter()
        return []

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """See `Line`. AMQP does not answer it: a crash right after may bring the messages again."""
        done = {id(delivery.token) for delivery in deliveries}
        with _translated():
            for delivery in deliveries:
                await delivery.token.ack()
        self._held = deque(held for held in self._held if id(held[1]) not in done)

    async def pass_over(self, deliveries: Sequence[Delivery]) -> None:
        """See `Line`: the queue is our own, so that nobody else expects them."""
        await self.acknowledge(deliveries)

    async def bury(self, delivery: Delivery) -> None:
        """See `Line`: first it is among the dead letters, then it is taken from the queue."""
        with _translated():
            await self._publish(_dead(self._place), delivery.body)
        await self.acknowledge([delivery])

    async def finish(self) -> None:
        """See `Line`."""
        with _translated():
            await self._publish(_ends(self._place), b"end")

    async def finished(self) -> int:
        """See `Line`."""
        with _translated():
            return await _ready(self._channel, _ends(self._place))

    async def left(self) -> int:
        """See `Line`.

        What others hold is not told, but they look after it, or it is handed out again to those who are still there.
        What is on its way to this consumer is not told either: so nothing is left only after a while of quiet.
        """
        with _translated():
            waiting = 0 if self._come is None else self._come.qsize()
            ready = await _ready(self._channel, self._place.queue)
        return ready + len(self._held) + waiting + (perf_counter() - self._busy < _QUIET_S)

    async def close(self) -> None:
        """See `Line`."""
        await self._connection.close()


def _times(message: AbstractIncomingMessage) -> int:
    """How often it was handed out: a quorum queue counts the times before."""
    before = message.headers.get(_DELIVERED, 0)
    return (before if isinstance(before, int) else 0) + 1


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """The client's errors as ours."""
    try:
        yield
    except OperationError:
        raise
    except (AMQPError, AMQPConnectionError, OSError, RuntimeError) as error:
        raise ConnectionLost(str(error) or type(error).__name__) from error
