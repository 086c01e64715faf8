"""One connection through a link: two sockets and two directions."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence

from pytest_roo_load.chaos.chain import Chain, Place
from pytest_roo_load.chaos.fast import FastPath

__all__ = ["Connection", "Direction"]

_RESET = struct.pack("ii", 1, 0)


class Direction:
    """One direction of a connection. Without toxics bytes go straight from socket to socket.

    Attributes:
        passed: Bytes that came in so far.
    """

    def __init__(self, source: socket.socket, sink: socket.socket, connection: Connection) -> None:
        self.passed = 0
        self.is_over = False
        self._source = source
        self._sink = sink
        self._connection = connection
        self._wanted: Sequence[Place] = ()
        self._carrier: FastPath | Chain | None = None
        self._changing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Direction by {self._carrier!r}, {self.passed} bytes passed>"

    def begin(self, places: Sequence[Place]) -> None:
        """Carry bytes."""
        self._wanted = places
        if places:
            self._change()
        else:
            self._carrier = FastPath(self._source, self._sink, self)

    def use(self, places: Sequence[Place]) -> None:
        """Have these toxics from now on, in this order."""
        self._wanted = places
        if not self.is_over and (self._changing is None or self._changing.done()):
            self._change()

    async def settled(self, within_s: float) -> None:
        """Return when it carries bytes as it is wanted to, or the time is over."""
        if self._changing is not None and not self._changing.done():
            await asyncio.wait({self._changing}, timeout=within_s)

    def ended(self) -> None:
        """Part of `Track`."""
        self.is_over = True
        try:
            self._sink.shutdown(socket.SHUT_WR)
        except OSError:
            self._connection.close()
            return
        self._connection.half_closed()

    def broken(self, error: OSError) -> None:
        """Part of `Track`: the other end learns of it in the same way."""
        del error
        self._connection.reset()

    def close(self) -> None:
        """Carry nothing more."""
        self.is_over = True
        if self._carrier is not None:
            self._carrier.close()
        if self._changing is not None and self._changing is not asyncio.current_task():
            self._changing.cancel()

    def _change(self) -> None:
        self._changing = asyncio.create_task(self._become_wanted())

    async def _become_wanted(self) -> None:
        """Until nobody wants anything else meanwhile."""
        done: Sequence[Place] | None = None
        while done is not self._wanted and not self.is_over:
            done = self._wanted
            if done:
                chain = await self._chain()
                await chain.arrange(done)
            elif isinstance(self._carrier, Chain):
                await self._settle(self._carrier)

    async def _chain(self) -> Chain:
        if isinstance(self._carrier, FastPath):
            clear = asyncio.Event()
            self._carrier.stop(clear.set)
            await clear.wait()
        if not isinstance(self._carrier, Chain):
            self._carrier = Chain(self._source, self._sink, self, self._connection)
        return self._carrier

    async def _settle(self, chain: Chain) -> None:
        def straight() -> None:
            if not self.is_over:
                self._carrier = FastPath(self._source, self._sink, self)

        await chain.stop(straight)


class Connection:
    """A client's socket and the one to the server for it. Implements `stage.Ends`.

    Args:
        closed: Called once, when both sockets are closed.
    """

    def __init__(self, client: socket.socket, server: socket.socket, closed: Callable[[Connection], None]) -> None:
        self.upstream = Direction(client, server, self)
        self.downstream = Direction(server, client, self)
        self._sockets = (client, server)
        self._closed: Callable[[Connection], None] | None = closed

    def __repr__(self) -> str:
        return f"<Connection {'open' if self._closed else 'closed'}: {self.upstream!r}, {self.downstream!r}>"

    def half_closed(self) -> None:
        """One direction is over."""
        if self.upstream.is_over and self.downstream.is_over:
            self.close()

    def close(self) -> None:
        """Close both ends; idempotent."""
        self.upstream.close()
        self.downstream.close()
        for one in self._sockets:
            one.close()
        closed, self._closed = self._closed, None
        if closed is not None:
            closed(self)

    def reset(self) -> None:
        """Break both ends off with a reset; idempotent."""
        if self._closed is not None:
            for one in self._sockets:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close()
