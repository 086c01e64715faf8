"""Queues by Redis Streams: a stream, a consumer group, and a stream of dead letters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pytest_roo_load.errors import ConnectError, OperationError, UnexpectedAnswer, UsageError
from pytest_roo_load.workloads.queue.broker import Delivery, Place
from pytest_roo_load.workloads.redis.connection import Address, Redis, Refusal, command, first_refusal
from pytest_roo_load.workloads.redis.connection import connect as connect_redis
from pytest_roo_load.workloads.redis.server import Server, need_of

__all__ = ["RedisLine", "RedisQueue", "connect", "make"]

_BODY = b"body"


def make(
    url: str, queue: str | None, takeover_s: float, tries: int, permit: Callable[[str], None] | None
) -> RedisQueue:
    """See `broker.broker`."""
    return RedisQueue(url, queue, takeover_s, tries, permit)


async def connect(place: Place, name: str) -> RedisLine:
    """See `broker.connect`."""
    return RedisLine(await connect_redis(Address.of(place.url)), place, name)


class RedisQueue:
    """See `Broker`."""

    def __init__(
        self, url: str, queue: str | None, takeover_s: float, tries: int, permit: Callable[[str], None] | None = None
    ) -> None:
        self._url = url
        self._server = Server(Address.of(url), permit)
        self._own = queue is None
        prefix = self._server.prefix
        self._place = Place(
            url=url,
            queue=queue or f"{prefix}{{queue}}",
            group=f"roo-load-{self._server.token}",
            takeover_s=takeover_s,
            tries=tries,
            own=queue is None,
        )
        self._grouped = False

    def __repr__(self) -> str:
        return f"<RedisQueue {self._place.queue}>"

    async def open(self) -> Place:
        """See `Broker`."""
        try:
            await self._server.open()
            await self._make_group()
        except ConnectError as error:
            raise UsageError(
                f"the broker cannot be used: {error}",
                value=repr(Address.of(self._url)),
                allowed="the URL of a running broker that lets us in",
                remedy="start it, correct the URL, or leave it out for an embedded Redis",
            ) from error
        except Refusal as refusal:
            allowed, remedy = need_of(refusal)
            problem = f"the broker refuses what the load needs: {refusal}"
            raise UsageError(problem, value=self._place.queue, allowed=allowed, remedy=remedy) from refusal
        return self._place

    async def _make_group(self) -> None:
        place = self._place
        if not self._own:
            kind = (await self._ask("TYPE", place.queue)).decode()
            if kind != "stream":
                found = "nothing of this name" if kind == "none" else f"a {kind}"
                raise UsageError(
                    "the queue does not exist",
                    value=place.queue,
                    allowed=f"the key of a stream; there is {found}",
                    remedy="make it, or leave queue= out for one of our own",
                )
        await self._ask("XGROUP", "CREATE", place.queue, place.group, "$", "MKSTREAM")
        self._grouped = True

    async def _ask(self, *parts: str | bytes | float) -> Any:
        return await self._server.ask_for(self._place.queue, *parts)

    async def depth(self) -> int:
        """See `Broker`: entries are deleted as they are acknowledged."""
        return await _left(self._ask, self._place)

    async def buried(self) -> list[bytes]:
        """See `Broker`."""
        entries = await self._ask("XRANGE", _dead(self._place), "-", "+")
        return [fields[1] for _, fields in entries]

    async def renew(self) -> None:
        """See `Broker`."""
        await self._server.renew()

    async def delete(self) -> None:
        """See `Broker`; a connection that is lost is made anew for it."""
        try:
            if self._server.registered:
                await self._delete()
        except ConnectError:
            return  # it is gone, and the next run will see to what it keeps
        except OperationError:
            self._server.close()
            await self._delete()
        finally:
            self._server.close()

    async def _delete(self) -> None:
        if self._grouped and not self._own:
            await self._ask("XGROUP", "DESTROY", self._place.queue, self._place.group)
            await self._ask("UNLINK", _dead(self._place), _ends(self._place))
        await self._server.forget(self._server.token)


def _dead(place: Place) -> str:
    """Where dead letters go: in a cluster the same node as the queue, and among the run's keys if the queue is."""
    return f"{place.queue}:dead:{place.group}"


def _ends(place: Place) -> str:
    """Counts the producers that have put their last message."""
    return f"{place.queue}:ends:{place.group}"


async def _left(ask: Callable[..., Awaitable[Any]], place: Place) -> int:
    """Entries are deleted as they are acknowledged, so that in a stream of our own what is there is what is left."""
    if place.own:
        return int(await ask("XLEN", place.queue))
    groups = await ask("XINFO", "GROUPS", place.queue)
    facts = (dict(zip(group[::2], group[1::2], strict=True)) for group in groups)
    found = next(one for one in facts if one[b"name"].decode() == place.group)
    after = b"(" + found[b"last-delivered-id"]
    return int(found[b"pending"]) + len(await ask("XRANGE", place.queue, after, "+", "COUNT", 100_000))


class RedisLine:
    """See `Line`."""

    def __init__(self, redis: Redis, place: Place, name: str) -> None:
        self._redis = redis
        self._place = place
        self._name = name
        self._reading = ("XREADGROUP", "GROUP", place.group, name, "COUNT")

    def __repr__(self) -> str:
        return f"<RedisLine {self._name} of {self._place.queue}>"

    async def put(self, bodies: Sequence[bytes]) -> None:
        """See `Line`: the commands are sent at once and answered in order."""
        data = b"".join([command("XADD", self._place.queue, "*", _BODY, body) for body in bodies])
        await self._send(data, len(bodies))

    async def take(self, most: int, wait_s: float) -> list[Delivery]:
        """See `Line`."""
        block = max(1, round(wait_s * 1000))
        answer = await self._one(*self._reading, most, "BLOCK", block, "STREAMS", self._place.queue, ">")
        return [Delivery(entry, fields[1], 1) for entry, fields in answer[0][1]] if answer else []

    async def take_over(self, most: int) -> list[Delivery]:
        """See `Line`; whoever claims an entry first has it, for its idle time begins anew."""
        place = self._place
        idle = round(place.takeover_s * 1000)
        waiting = await self._one("XPENDING", place.queue, place.group, "IDLE", idle, "-", "+", most)
        if not waiting:
            return []
        times = {entry: int(number) for entry, _, _, number in waiting}
        answer = await self._one("XCLAIM", place.queue, place.group, self._name, idle, *times)
        return [Delivery(one[0], one[1][1], times[one[0]] + 1) for one in answer if one and one[1]]

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """See `Line`: acknowledged and deleted in one transaction."""
        entries = [delivery.token for delivery in deliveries]
        await self._send(self._done_with(entries), 4)

    async def pass_over(self, deliveries: Sequence[Delivery]) -> None:
        """See `Line`: acknowledged, and deleted only from a stream of our own."""
        if self._place.own:
            await self.acknowledge(deliveries)
        else:
            entries = [delivery.token for delivery in deliveries]
            await self._one("XACK", self._place.queue, self._place.group, *entries)

    async def bury(self, delivery: Delivery) -> None:
        """See `Line`, in one transaction as well."""
        place = self._place
        data = command("XADD", _dead(place), "*", _BODY, delivery.body)
        await self._send(self._done_with([delivery.token], data), 5)

    async def finish(self) -> None:
        """See `Line`."""
        await self._one("INCR", _ends(self._place))

    async def finished(self) -> int:
        """See `Line`."""
        return int(await self._one("GET", _ends(self._place)) or 0)

    async def left(self) -> int:
        """See `Line`."""
        return await _left(self._one, self._place)

    def _done_with(self, entries: list[Any], *before: bytes) -> bytes:
        place = self._place
        return b"".join(
            [
                command("MULTI"),
                *before,
                command("XACK", place.queue, place.group, *entries),
                command("XDEL", place.queue, *entries),
                command("EXEC"),
            ]
        )

    async def _one(self, *parts: str | bytes | float) -> Any:
        (answer,) = await self._send(command(*parts), 1)
        return answer

    async def _send(self, data: bytes, answers: int) -> list[Any]:
        found = await self._redis.send(data, answers)
        refusal: UnexpectedAnswer | None = first_refusal(found)
        if refusal is not None:
            raise refusal
        return found

    async def close(self) -> None:
        """See `Line`."""
        self._redis.close()
