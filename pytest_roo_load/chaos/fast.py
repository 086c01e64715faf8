"""One direction of a connection without toxics: from socket to socket by way of a buffer that all share."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

__all__ = ["FastPath", "Track"]

ROOM = 1 << 18
_buffer = bytearray(ROOM)  # nothing stays in it from one event to the next
_view = memoryview(_buffer)


class Track(Protocol):
    """What becomes of a direction."""

    passed: int

    def ended(self) -> None:
        """The source has sent all, and the sink has got it."""

    def broken(self, error: OSError) -> None:
        """One of the sockets was reset."""


class FastPath:
    """Carries bytes as they come; what the sink does not take at once waits here, and the source with it."""

    def __init__(self, source: socket.socket, sink: socket.socket, track: Track) -> None:
        self._source = source
        self._sink = sink
        self._track = track
        self._loop = asyncio.get_running_loop()
        self._receive: Callable[[bytearray], int] = source.recv_into
        self._send = sink.send
        self._rest = memoryview(b"")
        self._whenever_clear: Callable[[], None] | None = None
        self._loop.add_reader(source, self._readable)

    def __repr__(self) -> str:
        return f"<FastPath, {len(self._rest)} bytes wait>"

    def stop(self, then: Callable[[], None]) -> None:
        """Read nothing more, and call `then` when nothing waits any more."""
        self._loop.remove_reader(self._source)
        if self._rest:
            self._whenever_clear = then
        else:
            then()

    def close(self) -> None:
        """Stop; what waits is lost."""
        self._loop.remove_reader(self._source)
        if self._rest:
            self._loop.remove_writer(self._sink)

    def _readable(self) -> None:
        try:
            size = self._receive(_buffer)
        except BlockingIOError:
            return
        except OSError as error:
            self._track.broken(error)
            return
        if size:
            self._track.passed += size
            self._forward(size)
        else:
            self._loop.remove_reader(self._source)
            self._track.ended()

    def _forward(self, size: int) -> None:
        try:
            sent = self._send(_view[:size])
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._track.broken(error)
            return
        if sent < size:
            self._hold(bytes(_view[sent:size]))

    def _hold(self, rest: bytes) -> None:
        self._rest = memoryview(rest)
        self._loop.remove_reader(self._source)
        self._loop.add_writer(self._sink, self._writable)

    def _writable(self) -> None:
        try:
            self._rest = self._rest[self._send(self._rest) :]
        except BlockingIOError:
            return
        except OSError as error:
            self._track.broken(error)
            return
        if self._rest:
            return
        self._loop.remove_writer(self._sink)
        if self._whenever_clear is None:
            self._loop.add_reader(self._source, self._readable)
        else:
            self._whenever_clear()
