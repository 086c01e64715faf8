"""A thread of an xdist worker that generates load whenever it is asked to, while the worker's main thread waits."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from pytest_roo_load.engine.fleet.serving import serve
from pytest_roo_load.engine.fleet.wire import Wire

__all__ = ["Station"]

_SWITCH_S = 0.0005


class Station:
    """Serves shards on a thread with an event loop of its own, one after another.

    The thread shares the interpreter's lock with the worker's main thread. That one waits while load is generated, in
    the worker that leads the measurement too but for some milliseconds a second; threads switch more often meanwhile,
    so that what little it does keeps no answer waiting.

    Args:
        path: Where the socket will be; its folder must let nobody else in, for what arrives there is executed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()
        self._turn = asyncio.Lock()
        self._listening = threading.Event()
        self._closed = threading.Event()
        self._problem: OSError | None = None
        self._thread = threading.Thread(target=self._work, name="roo-load generator", daemon=True)

    def __repr__(self) -> str:
        return f"<Station {self._path.name}, {'serving' if self._thread.is_alive() else 'not serving'}>"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Start to serve; whoever connects from now on is served.

        Raises:
            OSError: The socket cannot be made.
        """
        self._thread.start()
        self._listening.wait()
        if self._problem is not None:
            self._thread.join()
            raise self._problem

    def close(self) -> None:
        """Stop serving, in the middle of a load too, and take the socket away; idempotent."""
        self._closed.set()
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: its thread sees that it shall end
                self._loop.call_soon_threadsafe(self._over.set)
        if self._thread.is_alive():
            self._thread.join()
        self._path.unlink(missing_ok=True)

    def _work(self) -> None:
        """Serve until `close`; a journey that ends the event loop (`sys.exit()`) ends its own load and no later one."""
        while not self._closed.is_set():
            try:
                with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                    runner.run(self._serve())
            except OSError as error:
                self._problem = error
                self._listening.set()
                return
            except (SystemExit, KeyboardInterrupt):
                continue

    async def _serve(self) -> None:
        self._path.unlink(missing_ok=True)
        self._loop, self._over, self._turn = asyncio.get_running_loop(), asyncio.Event(), asyncio.Lock()
        server = await asyncio.start_unix_server(self._talk, self._path)
        self._listening.set()
        try:
            if not self._closed.is_set():
                await self._over.wait()
        finally:
            server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one leader; cancelled when the loop ends, of which asyncio's streams would complain."""
        before = sys.getswitchinterval()
        try:
            async with self._turn:  # the load of a leader that was killed may still be ending
                sys.setswitchinterval(_SWITCH_S)
                await serve(Wire(reader, writer))
        except asyncio.CancelledError:
            return
        finally:
            sys.setswitchinterval(before)
            writer.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop  # noqa: PLC0415 - not made for every platform

    return uvloop.new_event_loop
