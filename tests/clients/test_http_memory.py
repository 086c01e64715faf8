"""Memory does not grow with what is streamed, and the slower side sets the pace."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from client_lab import counted, run, until
from raw_server import Peer, serving

from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import OperationTimeout

CLONE = Path(__file__).parents[2]
MEBIBYTE = bytes(2**20)
SOME = 64
FAR = 1e18


@pytest.mark.parametrize(("library", "most_mb"), [("own", 60), ("aiohttp", 75)])
def test_memory_does_not_grow_with_what_is_streamed(library: str, most_mb: float) -> None:
    command = [sys.executable, "-m", "benchmarks.programs.stream", "96", library]
    uncovered = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(command, cwd=CLONE, env=uncovered, stdout=subprocess.PIPE, timeout=60, check=True)
    told = json.loads(done.stdout)
    assert told["peak_mb"] < most_mb, "the whole process, aiohttp's own modules included"
    assert told["peak_mb"] - told["before_mb"] < 10, "of 200 MB that went through it"


async def settled(amount: list[int]) -> int:
    """A number once it does not grow any more."""
    before = -1
    while before != amount[0]:
        before = amount[0]
        await asyncio.sleep(0.1)
    return before


def test_a_slow_reader_makes_the_server_wait() -> None:
    said = [0]

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (SOME * 2**20))
        for number in range(SOME):
            await peer.say(MEBIBYTE)
            said[0] = number + 1
        await peer.until_gone()

    async def main() -> tuple[int, int, str]:
        sweeper = Sweeper()
        async with serving(talk) as server:
            client = HttpClient(server.url, PhaseRecorder("steady"), sweeper)
            async with client.stream("GET", "/x") as answer:
                stuck = await settled(said)
                sweeper.sweep(FAR)  # the reader is slow, not the server
                received = sum([len(chunk) async for chunk in answer])
            idle = repr(client)
            await client.close()
            return stuck, received, idle

    stuck, received, idle = run(main())
    assert stuck < SOME / 2
    assert received == SOME * 2**20
    assert "1 connections, 1 idle" in idle, "the connection can be used again"


def test_a_server_that_does_not_read_makes_the_source_wait_until_the_deadline() -> None:
    asked = [0]

    async def source() -> AsyncIterator[bytes]:
        while True:
            asked[0] += 1
            yield MEBIBYTE

    async def main() -> tuple[int, PhaseRecorder]:
        recorder, sweeper, deaf = PhaseRecorder("steady"), Sweeper(), asyncio.Event()

        async def talk(peer: Peer) -> None:
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await deaf.wait()

        async with serving(talk) as server:
            client = HttpClient(server.url, recorder, sweeper)
            sending = asyncio.create_task(client.post("/x", body=source()))
            await until(lambda: asked[0])
            stuck = await settled(asked)
            sweeper.sweep(FAR)
            with pytest.raises(OperationTimeout):
                await sending
            deaf.set()
            assert "0 idle" in repr(client)
            await client.close()
            return stuck, recorder

    stuck, recorder = run(main())
    assert stuck < SOME / 2
    assert counted(recorder) == {"POST /x": (0, {"timeout": 1}, 0)}


def test_an_answer_before_the_whole_body_ends_the_sending() -> None:
    async def source() -> AsyncIterator[bytes]:
        while True:
            yield MEBIBYTE

    async def main() -> tuple[int, int]:
        async def talk(peer: Peer) -> None:
            await peer.reader.readuntil(b"\r\n\r\n")
            await peer.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            await peer.until_gone()

        async with serving(talk) as server:
            client = HttpClient(server.url, PhaseRecorder("steady"), Sweeper())
            status = (await client.post("/x", body=source())).status
            await until(lambda: server.closed == 1)
            await client.close()
            return status, server.accepted

    assert run(main()) == (413, 1)
