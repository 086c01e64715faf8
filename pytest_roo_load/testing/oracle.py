"""An HTTP server whose behaviour is known exactly."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Self

from aiohttp import web

from pytest_roo_load.clients.http.names import route_of
from pytest_roo_load.errors import ServiceError, UsageError
from pytest_roo_load.services import ports

__all__ = ["OracleServer"]

_READY_S = 20.0
_BACKLOG = 1024
_CLOSE_S = 0.05


class OracleServer:
    """Answers over real sockets, in a thread of its own, after a known delay and with a known share of errors.

    The errors are spread evenly: of the first n requests exactly `floor(n * error_share)` get status 500.

    Args:
        delay_s: No answer comes sooner.
        error_share: 0 to 1.
        answers: "METHOD /path" (ids as `:id`) → the JSON value to answer with; any other request is answered with 404.
            Without it every request is answered with `{"number": n}`.

    Attributes:
        requests: How many requests have arrived.
        errors: How many of them were answered, or will be, with status 500.

    Raises:
        UsageError: The delay is negative or the share is none.
    """

    def __init__(
        self, *, delay_s: float = 0.0, error_share: float = 0.0, answers: Mapping[str, Any] | None = None
    ) -> None:
        if delay_s < 0 or not 0 <= error_share <= 1:
            given = {"delay_s": delay_s, "error_share": error_share}
            raise UsageError("no such oracle", value=given, allowed="delay_s >= 0 and 0 <= error_share <= 1")
        self.requests = 0
        self._delay_s = delay_s
        self._share = Fraction(str(error_share))
        self._answers = answers
        self._stop: Callable[[], object] = lambda: None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="oracle", daemon=True)
        self._listener: socket.socket | None = None
        self._port = 0

    def __repr__(self) -> str:
        return f"<OracleServer {self.requests} requests, {self.errors} errors>"

    def __enter__(self) -> Self:
        with ports.reserved() as port:
            self._listener = socket.create_server((ports.LOOPBACK, port), backlog=_BACKLOG)
            self._port = port
        self._thread.start()
        if not self._ready.wait(_READY_S):
            raise ServiceError(f"the oracle did not answer within {_READY_S:.0f} s")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where it listens, such as http://127.0.0.1:20123."""
        return f"http://{ports.LOOPBACK}:{self._port}"

    @property
    def errors(self) -> int:
        """How many requests were answered with status 500."""
        return int(self.requests * self._share)

    def close(self) -> None:
        """Stop answering and end the thread; idempotent."""
        if self._thread.is_alive():
            self._stop()
            self._thread.join()

    async def _serve(self) -> None:
        stopped, loop = asyncio.Event(), asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=_CLOSE_S)
        await runner.setup()
        assert self._listener is not None
        await web.SockSite(runner, self._listener).start()
        self._ready.set()
        await stopped.wait()
        await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        before = self.errors
        self.requests += 1
        number, failed = self.requests, self.errors > before
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        if failed:
            return web.json_response({"error": f"request {number} fails"}, status=500)
        if self._answers is None:
            return web.json_response({"number": number})
        name = f"{request.method} {route_of(request.path)}"
        if name not in self._answers:
            return web.json_response({"error": f"no answer to {name}"}, status=404)
        return web.json_response(self._answers[name])
