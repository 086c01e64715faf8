"""The load on a message queue as the session performs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import Any

import numpy as np

from pytest_roo_load.core.consistency.deliveries import Produced, Taken, check_deliveries
from pytest_roo_load.core.consistency.finding import Finding
from pytest_roo_load.core.consistency.totals import accounted
from pytest_roo_load.core.fact import Fact
from pytest_roo_load.core.gauge import Gauge
from pytest_roo_load.core.profiles import Profile, iterations
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.workloads.looks import Looks
from pytest_roo_load.workloads.queue.broker import Broker, Place, broker
from pytest_roo_load.workloads.queue.consumer import TAKEN
from pytest_roo_load.workloads.queue.journey import Part, client
from pytest_roo_load.workloads.queue.message import decode
from pytest_roo_load.workloads.queue.producer import DELIVERY, PRODUCED
from pytest_roo_load.workloads.queue.settings import Choices
from pytest_roo_load.workloads.workload import Examined, Measured, journey_of, recorded

__all__ = ["QueueWorkload"]

_LOOK_EVERY_S = 0.2
_RENEW_EVERY_S = 5.0


class QueueWorkload:
    """See `Workload`.

    Args:
        url: Of the broker.
        choices: How the queue is used.
        permit: See `broker`.

    Raises:
        UsageError: No broker is known by the URL.
    """

    def __init__(self, url: str, choices: Choices, permit: Callable[[str], None] | None = None) -> None:
        clients = choices.producers + choices.consumers
        self.profile: Profile = iterations(clients, users=clients, max_duration=choices.max_duration)
        self._choices = choices
        self._broker: Broker = broker(url, choices.queue, choices.takeover_s, choices.tries, permit)
        self._place: Place | None = None
        self._depth = Looks("depth of the queue", Dimension.COUNT)

    def __repr__(self) -> str:
        return f"<QueueWorkload on {self._broker!r}>"

    def journeys(self) -> Mapping[Any, float]:
        """See `Workload`."""
        assert self._place is not None
        choices = self._choices
        part = Part(
            place=self._place,
            messages=choices.messages,
            producers=choices.producers,
            consumers=choices.consumers,
            rate_per_s=choices.rate_per_s,
            size=choices.size,
            batch=choices.batch,
            crashes=choices.crashes,
            poison=choices.poison,
        )
        return journey_of(client, part, "produce and consume")

    async def prepare(self) -> None:
        """See `Workload`."""
        self._place = await self._broker.open()

    async def watch(self) -> None:
        """See `Workload`: look at the depth of the queue, and say that the run is alive."""
        renewed = perf_counter()
        while True:
            self._depth.note(await self._broker.depth())
            if perf_counter() - renewed > _RENEW_EVERY_S:
                renewed = perf_counter()
                await self._broker.renew()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def examine(self, measured: Measured) -> Examined:
        """See `Workload`."""
        self._depth.note(await self._broker.depth())
        produced = _produced(measured.result)
        taken, left_behind = _taken(measured.result)
        buried = await self._broker.buried()
        findings = check_deliveries(produced, [*taken, _buried(buried)])
        if self._choices.poison:
            poison = self._choices.poison
            promise = "every message that cannot be processed becomes a dead letter, and no other"
            findings += (accounted(promise, len(buried), acknowledged=poison, unknown=(), over=poison),)
        if len(left_behind) < self._choices.crashes:
            findings += (_not_crashed(self._choices, len(left_behind)),)
        gauge = self._depth.gauge(measured.began, measured.ended)
        facts = tuple(_facts(measured.result, gauge, len(buried), sum(left_behind)))
        again = sum(int(one.again.sum()) for one in taken)
        return Examined(
            facts=(*facts, Fact(name="messages handed out again", value=again)),
            findings=findings,
            gauges=(gauge,),
        )

    async def clean_up(self) -> None:
        """See `Workload`."""
        await self._broker.delete()


def _produced(result: Result) -> dict[int, Produced]:
    found = recorded(result, PRODUCED)
    return {number: Produced(sent=sent, unknown=frozenset(unknown)) for number, sent, unknown in found}


def _taken(result: Result) -> tuple[list[Taken], list[int]]:
    """What each consumer took, and how many messages each that crashed has left behind."""
    items = recorded(result, TAKEN)
    taken = [
        Taken(
            producers=np.frombuffer(producers, dtype=np.int64),
            numbers=np.frombuffer(numbers, dtype=np.int64),
            again=np.frombuffer(again, dtype=np.int8).astype(bool),
        )
        for producers, numbers, again, _ in items
    ]
    return taken, [left for *_, left in items if left]


def _not_crashed(choices: Choices, crashed: int) -> Finding:
    """Nothing is known of crashes that did not come about."""
    least = choices.messages // choices.consumers // 3 + 1
    return Finding(
        promise="what consumers that crash leave behind is taken over",
        verdict=Verdict.NO_DATA,
        checked=0,
        unknown=0,
        note=f"of the {choices.crashes} consumers that were to crash {crashed} did, for the others got fewer than "
        f"{least:,} messages; send more messages, in a smaller batch or at a rate, or use fewer consumers",
    )


def _buried(bodies: list[bytes]) -> Taken:
    """Dead letters were taken by the broker: they are not lost."""
    messages = [message for message in map(decode, bodies) if message is not None]
    return Taken(
        producers=np.array([message.producer for message in messages], dtype=np.int64),
        numbers=np.array([message.number for message in messages], dtype=np.int64),
        again=np.ones(len(messages), dtype=bool),
    )


def _facts(result: Result, depth: Gauge, buried: int, left_behind: int) -> Iterator[Fact]:
    deliveries = result.operations.get(DELIVERY)
    yield Fact(name="messages delivered", value=deliveries.succeeded if deliveries else 0)
    yield Fact(
        name="messages delivered per second",
        value=deliveries.throughput if deliveries else None,
        dimension=Dimension.RATE,
    )
    yield Fact(name="depth of the queue, at most", value=depth.peak)
    yield Fact(name="messages left by consumers that crashed", value=left_behind)
    yield Fact(name="dead letters", value=buried)
