"""An HTTP server whose behaviour is known exactly, and which writes down what it did."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from time import perf_counter
from typing import Any, Self

from aiohttp import web

from pytest_roo_load.clients.http.names import route_of
from pytest_roo_load.errors import ServiceError, UsageError
from pytest_roo_load.services import ports

__all__ = ["Answered", "OracleServer", "Stall"]

_READY_S = 20.0
_BACKLOG = 1024
_CLOSE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """From the `at`-th request on (from 1) nobody is answered for `length_s` seconds; then all who wait are."""

    at: int
    length_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What became of one request.

    Attributes:
        path: As it was asked for, with the query.
        status: What it was answered with.
        body_bytes: Length of the answer's body.
        arrived: When it had been read, on the machine's monotonic clock (`time.perf_counter`).
        answered: When its answer was about to be written: who asked cannot have had it before.
    """

    path: str
    status: int
    body_bytes: int
    arrived: float
    answered: float


class OracleServer:
    """Answers over real sockets, in a thread of its own, after a known delay and with a known share of errors.

    The errors are spread evenly: of the first n requests exactly `floor(n * error_share)` get status 500.

    Args:
        delay_s: No answer comes sooner. A function gets the number of the request, from 1, and gives its delay.
        error_share: 0 to 1.
        answers: "METHOD /path" (ids as `:id`) → the JSON value to answer with, or bytes, which are sent as they are;
            any other request is answered with 404. Without it every request is answered with `{"number": n}`.
        stall: When nobody is answered for a while.
        workers: How many requests are worked on at once, for `delay_s` each; the others wait, first come first served.
            So `workers / delay_s` requests a second are the most that it can answer. None: all at once.

    Attributes:
        requests: How many requests have arrived.
        errors: How many of them were answered, or will be, with status 500.
        log: What was answered, in this order.

    Raises:
        UsageError: The delay is negative, the share is none, or there is no worker.
    """

    def __init__(
        self,
        *,
        delay_s: float | Callable[[int], float] = 0.0,
        error_share: float = 0.0,
        answers: Mapping[str, Any] | None = None,
        stall: Stall | None = None,
        workers: int | None = None,
    ) -> None:
        fixed = 0.0 if callable(delay_s) else delay_s
        if fixed < 0 or not 0 <= error_share <= 1 or (workers is not None and workers < 1):
            given = {"delay_s": delay_s, "error_share": error_share, "workers": workers}
            raise UsageError(
                "no such oracle", value=given, allowed="delay_s >= 0, 0 <= error_share <= 1 and workers >= 1"
            )
        self.requests = 0
        self.log: list[Answered] = []
        self._delay_of: Callable[[int], float] = delay_s if callable(delay_s) else lambda _number: fixed
        self._share = Fraction(str(error_share))
        self._answers = answers
        self._stall = stall
        self._stalled_until = 0.0
        self._workers = workers
        self._turn: contextlib.AbstractAsyncContextManager[Any] = contextlib.nullcontext()
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
        if self._workers is not None:
            self._turn = asyncio.Semaphore(self._workers)
        runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=_CLOSE_S)
        await runner.setup()
        assert self._listener is not None
        await web.SockSite(runner, self._listener).start()
        self._ready.set()
        await stopped.wait()
        await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        arrived, before = perf_counter(), self.errors
        self.requests += 1
        number, failed = self.requests, self.errors > before
        if self._stall is not None and number == self._stall.at:
            self._stalled_until = arrived + self._stall.length_s
        async with self._turn:
            await _pause(self._delay_of(number))
            await _pause(self._stalled_until - perf_counter())
        response = self._response(request, number, failed=failed)
        self._note(request, response, arrived)
        return response

    def _response(self, request: web.BaseRequest, number: int, *, failed: bool) -> web.Response:
        if failed:
            return web.json_response({"error": f"request {number} fails"}, status=500)
        if self._answers is None:
            return web.json_response({"number": number})
        name = f"{request.method} {route_of(request.path)}"
        if name not in self._answers:
            return web.json_response({"error": f"no answer to {name}"}, status=404)
        answer = self._answers[name]
        return web.Response(body=answer) if isinstance(answer, bytes) else web.json_response(answer)

    def _note(self, request: web.BaseRequest, response: web.Response, arrived: float) -> None:
        body = response.body
        self.log.append(
            Answered(
                path=request.path_qs,
                status=response.status,
                body_bytes=len(body) if isinstance(body, bytes) else 0,
                arrived=arrived,
                answered=perf_counter(),
            )
        )


async def _pause(length_s: float) -> None:
    if length_s > 0:
        await asyncio.sleep(length_s)
