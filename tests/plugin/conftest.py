"""A small server in a thread, and pytest in a child process that loads it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from fleet_lab import PLUGINS, SIGHT

Run = Callable[..., pytest.RunResult]


@dataclass
class SmallServer:
    """Answers /x/<anything> with 200, everything else with 404, and counts."""

    url: str = ""
    requests: int = 0
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    async def answer(self, request: web.Request) -> web.Response:
        self.requests += 1
        return web.json_response({"path": request.path})

    def serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._start())
        ready.set()
        self.loop.run_forever()

    async def _start(self) -> None:
        application = web.Application()
        application.router.add_get("/x/{id}", self.answer)
        self.runner = web.AppRunner(application, access_log=None)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"


@pytest.fixture(scope="session")
def small_server() -> Iterator[SmallServer]:
    server, ready = SmallServer(), threading.Event()
    thread = threading.Thread(target=server.serve, args=(ready,))
    thread.start()
    assert ready.wait(10)
    yield server
    asyncio.run_coroutine_threadsafe(server.runner.cleanup(), server.loop).result(10)
    server.loop.call_soon_threadsafe(server.loop.stop)
    thread.join(10)
    server.loop.close()


@pytest.fixture
def run_pytest(pytester: pytest.Pytester, small_server: SmallServer) -> Run:
    """Runs pytest in a process of its own against the small server."""

    def run(*arguments: str) -> pytest.RunResult:
        target = (
            () if any(one.startswith("--roo-target") for one in arguments) else (f"--roo-target={small_server.url}",)
        )
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *target, *arguments, timeout=120)

    return run


JOURNEYS = """
    import pytest
    from pytest_roo_load import constant_users, iterations

    async def visit(user):
        async for _ in user.iterations():
            await user.http.get(f"/x/{user.id}")
            await user.think(0.01)
"""


@pytest.fixture
def make_tests(pytester: pytest.Pytester) -> Callable[..., object]:
    """Writes a test module that has the journey `visit`."""

    def make(source: str, **more: str) -> object:
        import textwrap  # noqa: PLC0415

        text = textwrap.dedent(JOURNEYS) + textwrap.dedent(source)
        return pytester.makepyfile(test_it=text, **more)

    return make


@pytest.fixture
def distribute(pytester: pytest.Pytester, small_server: SmallServer, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest -n in a process of its own against the small server."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    pytester.makepyfile(sight=SIGHT)

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(*PLUGINS, f"--roo-target={small_server.url}", *arguments, timeout=120)

    return run
