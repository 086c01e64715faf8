"""Queues by NATS JetStream: a stream with work-queue retention, a durable consumer that all pull from."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Sequence
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StreamConfig
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from pytest_roo_load.errors import ConnectError, ConnectionLost, OperationError, UnexpectedAnswer, UsageError
from pytest_roo_load.workloads.queue.broker import Delivery, Place

__all__ = ["NatsLine", "NatsQueue", "connect", "make"]

_PREFIX = "roo_load_"
_CONNECT_S = 5.0
_ALIVE_S = 30.0
_PENDING = 100_000


def make(url: str, queue: str | None, takeover_s: float, tries: int, _permit: object) -> NatsQueue:
    """See `broker.broker`: no other server is ever contacted."""
    return NatsQueue(url, queue, takeover_s, tries)


async def connect(place: Place, name: str) -> NatsLine:
    """See `broker.connect`."""
    client = await _client(place.url)
    stream = client.jetstream(publish_async_max_pending=_PENDING)
    taking = await stream.pull_subscribe_bind(durable=place.group, stream=place.queue)
    return NatsLine(client, stream, taking, place, name)


async def _client(url: str) -> Client:
    try:
        async with asyncio.timeout(_CONNECT_S):  # left alone it tries for ever
            return await nats.connect(url, allow_reconnect=False, max_reconnect_attempts=1, error_cb=_ignore)
    except (NatsError, OSError, ValueError) as error:  # TimeoutError is an OSError
        raise ConnectError(str(error) or type(error).__name__) from error


async def _ignore(error: Exception) -> None:
    """Who waits for an answer hears of the error; the client would write it to the log besides."""


class NatsQueue:
    """See `Broker`. Two more streams have the dead letters and the ends of producers."""

    def __init__(self, url: str, queue: str | None, takeover_s: float, tries: int) -> None:
        name = queue or f"{_PREFIX}{secrets.token_hex(5)}"
        self._url = url
        self._place = Place(
            url=url, queue=name, group=f"{name}_workers", takeover_s=takeover_s, tries=tries, own=queue is None
        )
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None

    def __repr__(self) -> str:
        return f"<NatsQueue {self._place.queue}>"

    async def open(self) -> Place:
        """See `Broker`."""
        if not self._place.own:
            raise UsageError(
                "a stream of NATS that exists already cannot be used",
                value=self._place.queue,
                allowed="a stream of our own",
                remedy="leave queue= out: taking from a work queue takes from everybody",
            )
        try:
            self._client = await _client(self._url)
            self._stream = self._client.jetstream()
            await self._sweep()
            await self._make()
        except (ConnectError, NatsError) as error:
            raise UsageError(
                f"the broker cannot be used: {str(error) or type(error).__name__}",
                value=self._url.rpartition("@")[2],
                allowed="the URL of a running NATS server with JetStream (nats-server -js)",
                remedy="start it, or correct the URL",
            ) from error
        return self._place

    async def _make(self) -> None:
        place, stream = self._place, self._context()
        await stream.add_stream(_config(place.queue, RetentionPolicy.WORK_QUEUE))
        for other in (_dead(place), _ends(place)):
            await stream.add_stream(_config(other, RetentionPolicy.LIMITS))
        consumer = ConsumerConfig(
            durable_name=place.group,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=place.takeover_s,
            max_ack_pending=_PENDING,
            max_deliver=-1,
        )
        await stream.add_consumer(place.queue, consumer)

    def _context(self) -> JetStreamContext:
        assert self._stream is not None
        return self._stream

    async def _sweep(self) -> None:
        """Delete streams of ours whose description says that nobody has renewed them for a while."""
        for info in await self._context().streams_info():
            name, said = info.config.name or "", info.config.description or ""
            if name.startswith(_PREFIX) and said.isdecimal() and int(said) < time.time():
                await self._context().delete_stream(name)

    async def renew(self) -> None:
        """See `Broker`."""
        place = self._place
        await self._context().update_stream(_config(place.queue, RetentionPolicy.WORK_QUEUE))
        for other in (_dead(place), _ends(place)):
            await self._context().update_stream(_config(other, RetentionPolicy.LIMITS))

    async def depth(self) -> int:
        """See `Broker`: a work queue keeps what is not acknowledged."""
        return int((await self._context().stream_info(self._place.queue)).state.messages)

    async def buried(self) -> list[bytes]:
        """See `Broker`."""
        name = _dead(self._place)
        state = (await self._context().stream_info(name)).state
        numbers = range(state.first_seq, state.last_seq + 1) if state.messages else ()
        return [(await self._context().get_msg(name, number)).data or b"" for number in numbers]

    async def delete(self) -> None:
        """See `Broker`."""
        if self._client is None:
            return
        for name in (self._place.queue, _dead(self._place), _ends(self._place)):
            with contextlib.suppress(NotFoundError):
                await self._context().delete_stream(name)
        client, self._client = self._client, None
        await client.close()


def _dead(place: Place) -> str:
    return f"{place.queue}_dead"


def _ends(place: Place) -> str:
    return f"{place.queue}_ends"


def _config(name: str, retention: RetentionPolicy) -> StreamConfig:
    """A stream with one subject of its own name, which says until when its run is surely alive."""
    return StreamConfig(name=name, subjects=[name], retention=retention, description=str(int(time.time() + _ALIVE_S)))


class NatsLine:
    """See `Line`."""

    def __init__(
        self,
        client: Client,
        stream: JetStreamContext,
        taking: JetStreamContext.PullSubscription,
        place: Place,
        name: str,
    ) -> None:
        self._client = client
        self._stream = stream
        self._taking = taking
        self._place = place
        self._name = name

    def __repr__(self) -> str:
        return f"<NatsLine {self._name} of {self._place.queue}>"

    async def put(self, bodies: Sequence[bytes]) -> None:
        """See `Line`: published in order, acknowledged together."""
        with _translated():
            coming = [await self._stream.publish_async(self._place.queue, body) for body in bodies]
            for answer in await asyncio.gather(*coming):
                if answer.stream != self._place.queue:
                    raise UnexpectedAnswer(f"acknowledged by another stream, {answer.stream}")

    async def take(self, most: int, wait_s: float) -> list[Delivery]:
        """See `Line`."""
        with _translated():
            try:
                messages = await self._taking.fetch(most, timeout=wait_s)
            except TimeoutError:
                return []
        return [Delivery(message, message.data, message.metadata.num_delivered or 1) for message in messages]

    async def take_over(self, most: int) -> list[Delivery]:
        """See `Line`: the server hands out again by itself."""
        del most
        return []

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """See `Line`: each is confirmed by the server."""
        with _translated():
            await asyncio.gather(*(_message(delivery).ack_sync() for delivery in deliveries))

    async def pass_over(self, deliveries: Sequence[Delivery]) -> None:
        """See `Line`: the queue is our own, so that nobody else expects them."""
        await self.acknowledge(deliveries)

    async def bury(self, delivery: Delivery) -> None:
        """See `Line`: first it is among the dead letters, then it is taken from the queue."""
        with _translated():
            await self._stream.publish(_dead(self._place), delivery.body)
            await _message(delivery).ack_sync()

    async def finish(self) -> None:
        """See `Line`."""
        with _translated():
            await self._stream.publish(_ends(self._place), b"")

    async def finished(self) -> int:
        """See `Line`."""
        with _translated():
            return int((await self._stream.stream_info(_ends(self._place))).state.messages)

    async def left(self) -> int:
        """See `Line`."""
        with _translated():
            return int((await self._stream.stream_info(self._place.queue)).state.messages)

    async def close(self) -> None:
        """See `Line`."""
        await self._client.close()


def _message(delivery: Delivery) -> Msg:
    message: Msg = delivery.token
    return message


@contextlib.contextmanager
def _translated() -> Any:
    """The client's errors as ours."""
    try:
        yield
    except OperationError:
        raise
    except APIError as error:
        raise UnexpectedAnswer(str(error), kind=f"NATS {error.err_code}") from error
    except (NatsError, TimeoutError, OSError) as error:
        raise ConnectionLost(str(error) or type(error).__name__) from error
