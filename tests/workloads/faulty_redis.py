"""A server in front of a Redis that spoils one message of many, as a broken queue would."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import hiredis
from workload_lab import in_thread

from pytest_roo_load.workloads.redis.connection import Redis, Refusal, command


def encoded(answer: Any) -> bytes:
    """An answer as the server sends it."""
    if answer is None:
        return b"$-1\r\n"
    if isinstance(answer, Refusal):
        return b"-%b\r\n" % str(answer).encode()
    if isinstance(answer, int):
        return b":%d\r\n" % answer
    if isinstance(answer, list):
        return b"*%d\r\n" % len(answer) + b"".join(map(encoded, answer))
    return b"$%d\r\n%b\r\n" % (len(answer), answer)


class FaultyRedis:
    """Loses an acknowledged message, delivers one twice, or swaps two: the one with the given number of all.

    Args:
        url: Of the Redis behind it.
        fault: "lose", "twice" or "swap".
        number: Which message is spoilt.
    """

    def __init__(self, url: str, fault: str, number: int) -> None:
        parts = urlsplit(url)
        self._behind = parts.hostname or "", parts.port or 0
        self._fault = fault
        self._number = number
        self._added = 0
        self._delivered = 0
        self.spoilt = 0
        self.url = ""

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        ready.set()
        await stop.wait()
        server.close()
        talks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, behind = await asyncio.get_running_loop().create_connection(Redis, *self._behind)
        commands = hiredis.Reader()
        try:
            while data := await reader.read(2**16):
                commands.feed(data)
                while (parts := commands.gets()) is not False:
                    writer.write(encoded(await self._answer(behind, parts)))
        except ConnectionError:
            pass
        finally:
            behind.close()
            writer.close()

    async def _answer(self, behind: Redis, parts: list[bytes]) -> Any:
        if parts[0] == b"XADD" and self._fault == "lose":
            self._added += 1
            if self._added == self._number:
                self.spoilt += 1
                return b"1-1"
        (answer,) = await behind.send(command(*parts))
        if parts[0] == b"XREADGROUP" and answer:
            self._spoil(answer[0][1])
        return answer

    def _spoil(self, entries: list[Any]) -> None:
        before = self._delivered
        self._delivered += len(entries)
        if self.spoilt or self._delivered < self._number or len(entries) < 2:
            return
        at = max(0, min(self._number - before - 1, len(entries) - 2))
        if self._fault == "twice":
            self.spoilt += 1
            entries.insert(at, entries[at])
        elif self._fault == "swap":
            self.spoilt += 1
            entries[at], entries[at + 1] = entries[at + 1], entries[at]


@contextlib.contextmanager
def faulty_redis(url: str, fault: str, number: int) -> Iterator[FaultyRedis]:
    """The server, in a thread."""
    faulty = FaultyRedis(url, fault, number)
    with in_thread(faulty.serve):
        yield faulty
