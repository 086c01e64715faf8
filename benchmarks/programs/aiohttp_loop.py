"""A bare closed loop on aiohttp and uvloop: ``python -m benchmarks.programs.aiohttp_loop URL USERS SECONDS``."""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter

import aiohttp
import uvloop


async def user(session: aiohttp.ClientSession, url: str, end: float) -> None:
    """Ask again and again."""
    while perf_counter() < end:
        async with session.get(url) as answer:
            await answer.read()


async def main(url: str, users: int, seconds: float) -> None:
    """All users share a session, which has a connection for each."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=users)) as session:
        end = perf_counter() + seconds
        await asyncio.gather(*(user(session, url, end) for _ in range(users)))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
