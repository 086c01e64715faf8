"""Frames between instances, over one Redis subscription each.

An instance listens to ``ccs:instance:<its id>`` (frames for its devices, and answers to its own) and to ``ccs:all``
(devices that moved, sessions that ended). A message is a JSON header, and for a frame a line end and the frame's text.
Without Redis the instances are islands: local delivery goes on, and devices are announced again when Redis is back.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from pytest_roo_load.ccs.sessions import Identity
from pytest_roo_load.ccs.websocket.directory import Directory
from pytest_roo_load.ccs.websocket.hub import Hub
from pytest_roo_load.ccs.websocket.protocol import Frame

# What somebody else than the relay does with a kind of message.
Handler = Callable[[Mapping[str, Any]], None]

ANSWER_S = 5.0
_AGAIN_S = 0.2
_AT_A_TIME = 16
_AWAY_S = 0.5
_SILENCE_S = 5.0
_EVERYONE = "ccs:all"
_TROUBLE = (RedisError, OSError, TimeoutError)

log = logging.getLogger("ccs.relay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """How many instances a frame was sent to, and the answers they owe if it wants an acknowledgement."""

    reached: int = 0
    answers: tuple[asyncio.Future[int], ...] = ()


class Relay:
    """Sends what cannot be delivered here to the instances that can, and delivers what they send."""

    def __init__(self, redis: Redis, hub: Hub, instance_id: str) -> None:
        self._redis = redis
        self._hub = hub
        self._instance_id = instance_id
        self._directory = Directory(redis, instance_id)
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[int]] = {}
        # A storm of devices must not take every connection to Redis.
        self._turn = asyncio.Semaphore(_AT_A_TIME)
        self._away_until = 0.0
        self._mending: asyncio.Task[None] | None = None
        self.handlers: dict[str, Handler] = {
            "mended": lambda _: self._directory.forget(remember=self._directory.remembers),
        }
        self.listening = asyncio.Event()

    def __repr__(self) -> str:
        state = "listening" if self._directory.remembers else "alone"
        return f"<Relay {self._instance_id} {state}, {len(self._answers)} answers awaited>"

    async def join(self, identity: Identity) -> None:
        """Make a device known to the other instances; the one that had it closes its old connection."""
        async with self._turn:
            if not self._is_away():
                try:
                    before = await self._directory.put(identity)
                    if before is not None:
                        await self._publish(before, kind="evict", user=identity.user_id, device=identity.device_id)
                except _TROUBLE as error:
                    self._failed("device not announced", error)
            await self._moved(identity, online=True)

    async def leave(self, identity: Identity) -> None:
        """Make known that a device has gone, unless it has come back meanwhile, here or elsewhere."""
        async with self._turn:
            gone = True
            if not self._is_away():
                try:
                    gone = await self._directory.remove(identity.user_id, identity.device_id)
                    if self._hub.device(identity.user_id, identity.device_id) is not None:
                        await self._directory.put(identity)
                except _TROUBLE as error:
                    self._failed("leaving device not noted", error)
            if gone and self._hub.device(identity.user_id, identity.device_id) is None:
                await self._moved(identity, online=False)

    async def forward(self, frame: Frame) -> Forwarded:
        """Send a frame to the other instances that have devices it is for; to none when Redis is away."""
        try:
            places = await self._directory.elsewhere(frame.user_id)
            if frame.to_device is None:
                wanted = {device: place for device, place in places.items() if device != frame.from_device}
            else:
                wanted = {device: place for device, place in places.items() if device == frame.to_device}
            sent = [await self._send(frame, place, wanted) for place in set(wanted.values())]
        except _TROUBLE as error:
            log.warning("frame not forwarded: %s", error)
            return Forwarded()
        answers = tuple(answer for reached, answer in sent if reached and answer is not None)
        return Forwarded(reached=sum(reached for reached, _ in sent), answers=answers)

    async def notify(self, user_id: str, data: bytes, *, sender: str, about: str) -> None:
        """Have the other instances send a frame of the server's own to the user's devices that are interested."""
        header = {"kind": "notice", "user": user_id, "from": sender, "about": about}
        message = json.dumps(header).encode() + b"\n" + data
        try:
            for place in set((await self._directory.elsewhere(user_id)).values()):
                await self._redis.publish(_channel(place), message)
        except _TROUBLE as error:
            log.warning("notice not forwarded: %s", error)

    def alone(self, user_id: str) -> bool:
        """Tell whether it is known, without asking, that no other instance has devices of the user."""
        return self._directory.known(user_id) == {}

    async def place_of(self, user_id: str, device_id: str) -> str | None:
        """Return the other instance that has a device at this moment; None for none, and when Redis is away."""
        try:
            return await self._directory.place(user_id, device_id)
        except _TROUBLE as error:
            log.warning("place of a device is not known: %s", error)
            return None

    async def answered(self, answers: Sequence[asyncio.Future[int]]) -> bool:
        """Wait up to ANSWER_S until one instance has delivered; False when none has."""
        with suppress(TimeoutError):
            for answer in asyncio.as_completed(answers, timeout=ANSWER_S):
                if await answer:
                    return True
        return False

    async def announce_ended(self, session_ids: Sequence[str]) -> None:
        """Have the other instances close the connections of sessions that have ended."""
        try:
            await self._announce(kind="ended", sessions=list(session_ids))
        except _TROUBLE as error:
            log.warning("ended sessions not announced: %s", error)

    async def connected(self, user_id: str) -> set[str]:
        """Return the user's devices that are connected anywhere; only those here when Redis is away."""
        here = {identity.device_id for identity in self._hub.registered_of(user_id)}
        try:
            return here | set(await self._directory.elsewhere(user_id))
        except _TROUBLE as error:
            log.warning("devices elsewhere are not known: %s", error)
            return here

    async def tell(self, place: str | None, kind: str, **header: Any) -> None:
        """Have the handlers of ``kind`` called at one instance, or at all for None (here as well); may be lost."""
        try:
            await self._redis.publish(_EVERYONE if place is None else _channel(place), _message(kind, header))
        except _TROUBLE as error:
            log.warning("%s not told to others: %s", kind, error)
            if place is None:
                self._call_handler(kind, header)

    async def listen(self) -> None:
        """Receive from the other instances, reconnecting for ever, until cancelled."""
        try:
            await self._listen()
        finally:
            if self._mending is not None:
                self._mending.cancel()

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except _TROUBLE as error:
                log.warning("relay: %s: %s", type(error).__name__, error)
            self.listening.clear()
            self._directory.forget(remember=False)
            await asyncio.sleep(_AGAIN_S)

    async def _listen_once(self) -> None:
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(_channel(self._instance_id), _EVERYONE)
            asked = False
            while True:
                message = await subscription.get_message(timeout=_SILENCE_S)
                if message is None:
                    if asked:
                        raise TimeoutError("Redis does not answer a ping")
                    await subscription.ping()
                elif message["type"] == "subscribe" and message["data"] == 2:  # noqa: PLR2004 - both channels are on
                    self._directory.forget(remember=True)
                    await self._directory.put_all(self._hub.registered())
                    self.listening.set()
                elif message["type"] == "message":
                    header, _, data = message["data"].partition(b"\n")
                    await self._receive(json.loads(header), data)
                asked = message is None

    async def _receive(self, header: Mapping[str, Any], data: bytes) -> None:
        match header:
            case {"kind": "frame", "user": user, "to": to, "from": sender, "reply": reply}:
                delivered = self._hub.deliver(user, data, to=to, sender=sender)
                if reply is not None:
                    await self._publish(reply[0], kind="answer", number=reply[1], delivered=delivered)
            case {"kind": "notice", "user": user, "from": sender, "about": about}:
                self._hub.deliver(user, data, to=None, sender=sender, about=about)
            case {"kind": "answer", "number": number, "delivered": delivered}:
                answer = self._answers.pop(number, None)
                if answer is not None and not answer.done():
                    answer.set_result(delivered)
            case {"kind": "moved", "user": user}:
                self._directory.moved(user)
                self._call_handler("moved", header)
            case {"kind": "evict", "user": user, "device": device}:
                self._hub.evict(user, device)
            case {"kind": "ended", "sessions": sessions}:
                self._hub.end_sessions(sessions)
            case {"kind": str(kind)}:
                self._call_handler(kind, header)

    async def _moved(self, identity: Identity, *, online: bool) -> None:
        told = {"user": identity.user_id, "device": identity.device_id, "online": online}
        if self._is_away():
            self._call_handler("moved", told)
        else:
            await self.tell(None, "moved", **told)

    def _is_away(self) -> bool:
        """Tell whether Redis failed a moment ago: then others do without it, until `_mend` has made up for that."""
        return asyncio.get_running_loop().time() < self._away_until

    def _failed(self, what: str, error: BaseException) -> None:
        log.warning("%s: %s", what, error)
        self._away_until = asyncio.get_running_loop().time() + _AWAY_S
        if self._mending is None or self._mending.done():
            self._mending = asyncio.create_task(self._mend())

    async def _mend(self) -> None:
        """Announce all devices that are here, as soon as Redis takes it."""
        while True:
            await asyncio.sleep(_AWAY_S)
            try:
                await self._directory.put_all(self._hub.registered())
                await self._announce(kind="mended")
            except _TROUBLE:
                continue
            return

    def _call_handler(self, kind: str, header: Mapping[str, Any]) -> None:
        handler = self.handlers.get(kind)
        if handler is not None:
            handler(header)

    async def _send(
        self, frame: Frame, place: str, wanted: Mapping[str, str]
    ) -> tuple[bool, asyncio.Future[int] | None]:
        number = next(self._numbers) if frame.requires_ack else None
        answer = None if number is None else self._await_answer(number)
        header = {
            "kind": "frame",
            "user": frame.user_id,
            "to": frame.to_device,
            "from": frame.from_device,
            "reply": None if number is None else [self._instance_id, number],
        }
        message = json.dumps(header).encode() + b"\n" + frame.data
        if await self._redis.publish(_channel(place), message):
            return True, answer
        if number is not None:
            self._answers.pop(number, None)
        for device in [device for device, there in wanted.items() if there == place]:
            await self._directory.remove(frame.user_id, device, place)
        self._directory.moved(frame.user_id)
        return False, None

    def _await_answer(self, number: int) -> asyncio.Future[int]:
        loop = asyncio.get_running_loop()
        answer = self._answers[number] = loop.create_future()
        loop.call_later(2 * ANSWER_S, self._answers.pop, number, None)
        return answer

    async def _publish(self, place: str, **header: Any) -> None:
        await self._redis.publish(_channel(place), json.dumps(header))

    async def _announce(self, **header: Any) -> None:
        await self._redis.publish(_EVERYONE, json.dumps(header))


def _message(kind: str, header: Mapping[str, Any]) -> str:
    return json.dumps({"kind": kind, **header})


def _channel(instance_id: str) -> str:
    return f"ccs:instance:{instance_id}"
