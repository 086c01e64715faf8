"""A connection that also notes when the first byte of an answer came. Only clients that ask for it pay for it."""

from __future__ import annotations

import asyncio
from time import perf_counter

from pytest_roo_load.clients.http.connection import Connection, Home
from pytest_roo_load.clients.http.heads import KnownHeads, Limits
from pytest_roo_load.clients.http.response import Head, Response, Timing

__all__ = ["TimedConnection"]

_NOTHING_IS_KNOWN = KnownHeads()


class TimedConnection(Connection):
    """See `Connection`. Every answer is parsed, known or not, so that there is one place where one is delivered."""

    __slots__ = ("_first", "_last", "_sent")

    def __init__(self, home: Home, limits: Limits) -> None:
        super().__init__(home, limits)
        self._known = _NOTHING_IS_KNOWN
        self._sent = self._last = 0.0
        self._first: float | None = None

    def send(self, head: bytes, body: bytes, deadline: float) -> asyncio.Future[Response]:
        """See `Connection`."""
        self._first, self._sent = None, perf_counter()
        return super().send(head, body, deadline)

    def data_received(self, data: bytes) -> None:
        """Part of `asyncio.Protocol`."""
        self._last = perf_counter()
        if self._first is None:
            self._first = self._last
        super().data_received(data)

    def _learn(self, answer: asyncio.Future[Response], data: bytes) -> None:
        """Nothing."""

    def _deliver(self, answer: asyncio.Future[Response], head: Head, body: bytes) -> None:
        super()._deliver(answer, head, body)
        if not answer.cancelled():
            answer.result().timing = self._timing()

    def _timing(self) -> Timing:
        """Of the answer that has just been completed."""
        first = self._last if self._first is None else self._first
        opened, self.opened = self.opened, None
        return Timing(
            first_byte_s=first - self._sent,
            body_s=self._last - first,
            connect_s=opened.connect_s if opened else None,
            tls_s=opened.tls_s if opened else None,
        )
