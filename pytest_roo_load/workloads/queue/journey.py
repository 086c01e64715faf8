"""What one producer or consumer does; each does it once, and the load ends when all are through."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_roo_load.engine.user import VirtualUser
from pytest_roo_load.workloads.queue.broker import Place, connect
from pytest_roo_load.workloads.queue.consumer import Consumer
from pytest_roo_load.workloads.queue.producer import Producer

__all__ = ["Part", "client"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a client needs to know; travels to generators. See `settings.Choices`."""

    place: Place
    messages: int
    producers: int
    consumers: int
    rate_per_s: float | None
    size: int
    batch: int
    crashes: int
    poison: int


async def client(part: Part, user: VirtualUser) -> None:
    """The first users are consumers, so that they are there when the first message comes; the others produce."""
    line = await connect(part.place, f"user-{user.id}")
    try:
        if user.id < part.consumers:
            crashes = user.id < part.crashes
            await Consumer(user, line, part.place.tries).work(
                most=10 * part.batch,
                producers=part.producers,
                crash_after=part.messages // part.consumers // 3 if crashes else None,
            )
        else:
            await _produce(part, user, Producer(user, line, user.id - part.consumers))
    finally:
        await line.close()


async def _produce(part: Part, user: VirtualUser, producer: Producer) -> None:
    number = user.id - part.consumers
    share = range(number, part.messages, part.producers)
    step = max(1, part.messages // part.poison) if part.poison else 1
    poison = frozenset(range(0, step * part.poison, step))
    flags = (place for place, message in enumerate(share) if message in poison)
    rate = None if part.rate_per_s is None else part.rate_per_s / part.producers
    await producer.send(len(share), size=part.size, batch=part.batch, rate_per_s=rate, poison=frozenset(flags))
