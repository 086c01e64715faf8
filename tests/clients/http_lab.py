"""A client on either transport, in front of the server that knows everything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, Literal, TypeVar

from client_lab import counted, groups, run
from http_server import serving_app

from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.clients.http.settings import HttpSettings
from pytest_roo_load.clients.sweeper import INTERVAL_S, Sweeper
from pytest_roo_load.engine.recorder import PhaseRecorder

T = TypeVar("T")
Library = Literal["own", "aiohttp"]


class Lab:
    """A client and what it has recorded."""

    def __init__(self, url: str, library: Library, **settings: Any) -> None:
        self.recorder = PhaseRecorder("steady")
        self.sweeper = Sweeper()
        self.client = HttpClient(url, self.recorder, self.sweeper, settings=HttpSettings(library=library, **settings))
        self.url = url

    def counted(self) -> dict[str, tuple[int, dict[str, int], int]]:
        return counted(self.recorder)

    def groups(self) -> dict[str, int]:
        return groups(self.recorder)


def at_server(ask: Callable[[Lab], Awaitable[T]], library: Library, **settings: Any) -> tuple[T, Lab]:
    """What a client gets from the server that knows everything."""

    async def main() -> tuple[T, Lab]:
        async with serving_app() as url:
            lab = Lab(url, library, **settings)
            sweeping = asyncio.create_task(sweep(lab.sweeper))
            try:
                return await ask(lab), lab
            finally:
                sweeping.cancel()
                await lab.client.close()
                await lab.client.close()

    return run(main())


async def sweep(sweeper: Sweeper) -> None:
    while True:
        await asyncio.sleep(INTERVAL_S)
        sweeper.sweep(perf_counter())


async def read(lab: Lab, path: str, into: list[bytes], **options: Any) -> None:
    """Read an answer to its end while it comes."""
    async with lab.client.stream("GET", path, **options) as answer:
        async for chunk in answer:
            into.append(chunk)  # noqa: PERF401 - what came before an error is kept
