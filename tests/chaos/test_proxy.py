"""Links on real sockets: bytes, ends, resets, toxics on live connections."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from random import Random
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest
import trustme
import uvloop
from chaos_lab import Server, echo, has_gone

from pytest_roo_load.chaos.link import Link, active_of
from pytest_roo_load.chaos.proxy import Proxy, address, port_of
from pytest_roo_load.errors import UsageError

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    def run(work: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(asyncio.wait_for(work, 30))

    return run


@asynccontextmanager
async def linked(talk: Talk = echo) -> AsyncIterator[tuple[Proxy, Link]]:
    proxy = Proxy(seed=1)
    async with Server(talk) as server:
        try:
            yield proxy, proxy.open({"name": "it", "server": server})
        finally:
            proxy.shut()


async def client(link: Link) -> Streams:
    return await asyncio.open_connection("127.0.0.1", link.port)


async def eventually(predicate: Callable[[], object]) -> None:
    while not predicate():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.005)


async def no_more(count: Callable[[], int]) -> int:
    """What is counted when it has stood still above 0 for a while."""
    looks = [count()]
    while len(looks) < 20 or not looks[-1] or len(set(looks[-20:])) > 1:
        await asyncio.sleep(0.005)
        looks.append(count())
    return looks[-1]


async def held_back(answer: asyncio.Task[Any]) -> bool:
    """Whether nothing comes, although it would have had the time."""
    done, _ = await asyncio.wait({answer}, timeout=0.1)
    return not done


async def poison(link: Link, kind: str, direction: str = "both", **settings: float) -> None:
    for active in active_of({"kind": kind, "direction": direction, "settings": settings}):
        link.add(active)
    await link.settled()


async def heal(link: Link) -> None:
    for toxic in list(link.toxics):
        link.remove(toxic)
    await link.settled()


async def said(streams: Streams, data: bytes) -> bytes:
    reader, writer = streams
    writer.write(data)
    return await reader.readexactly(len(data))


def test_bytes_and_the_end_go_through(run: Callable[..., Any]) -> None:
    async def show() -> None:
        async with linked() as (_, link):
            reader, writer = await client(link)
            sent = Random(1).randbytes(5_000_000)
            writer.write(sent)
            writer.write_eof()
            assert hashlib.sha256(await reader.read(-1)).digest() == hashlib.sha256(sent).digest()
            writer.close()
            await eventually(lambda: not link.facts()["connections"])
            assert link.facts()["passed"] == {"upstream": len(sent), "downstream": len(sent)}

    run(show())


def test_a_reader_that_does_not_read_holds_the_writer_up(run: Callable[..., Any]) -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _number in range(2000):
            writer.write(bytes(100_000))
            await writer.drain()

    async def show() -> None:
        async with linked(flood) as (_, link):
            reader, writer = await client(link)
            assert 0 < await no_more(lambda: link.facts()["passed"]["downstream"]) < 60_000_000
            size = 0
            while data := await reader.read(1 << 20):
                size += len(data)
            assert size == 200_000_000
            writer.close()

    run(show())


def test_a_reset_comes_through_as_a_reset(run: Callable[..., Any]) -> None:
    async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def show() -> None:
        async with linked(slam) as (_, link):
            reader, writer = await client(link)
            writer.write(b"x")
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
            writer.close()

    run(show())


def test_a_server_that_is_not_there(run: Callable[..., Any]) -> None:
    async def show() -> None:
        async with Server(echo) as gone:
            pass
        link = Proxy(1).open({"name": "it", "server": gone})
        reader, writer = await client(link)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        assert link.facts()["refused"] == 1
        writer.close()
        link.down()

    run(show())


def test_down_and_up_again_on_the_same_port(run: Callable[..., Any]) -> None:
    async def show() -> None:
        async with linked() as (_, link):
            port = link.port
            reader, writer = streams = await client(link)
            assert await said(streams, b"hello") == b"hello"
            link.down()
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
            writer.close()
            assert has_gone(port)
            link.up()
            again = await client(link)
            assert link.port == port
            assert await said(again, b"hello") == b"hello"
            again[1].close()

    run(show())


def test_a_live_connection_gets_a_toxic_and_loses_it(run: Callable[..., Any]) -> None:
    async def show() -> None:
        loop = asyncio.get_running_loop()
        async with linked() as (_, link):
            streams = await client(link)
            await said(streams, b"x")
            await poison(link, "latency", latency_s=0.1)
            began = loop.time()
            await said(streams, b"x")
            assert round(loop.time() - began, 3) >= 0.2, "its clock counts milliseconds"
            await poison(link, "partition", "upstream")
            assert await held_back(answer := asyncio.create_task(said(streams, b"y")))
            await heal(link)
            assert await answer == b"y"
            assert await said(streams, b"z") == b"z"
            streams[1].close()

    run(show())


def test_one_way_partition(run: Callable[..., Any]) -> None:
    async def show() -> None:
        heard = asyncio.Event()

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            heard.set()
            writer.write(b"answer")
            await reader.read(1)

        async with linked(hear) as (_, link):
            reader, writer = await client(link)
            await poison(link, "partition", "downstream")
            writer.write(b"x")
            await heard.wait()
            assert await held_back(answer := asyncio.create_task(reader.readexactly(6)))
            await heal(link)
            assert await answer == b"answer"
            writer.close()

    run(show())


@pytest.mark.parametrize("kind", ["reset", "timeout", "limit_data"])
def test_toxics_that_end_connections(run: Callable[..., Any], kind: str) -> None:
    every: dict[str, dict[str, float]] = {"reset": {}, "timeout": {"after_s": 0.05}, "limit_data": {"limit": 3}}
    settings = every[kind]

    async def show() -> None:
        async with linked() as (_, link):
            await poison(link, kind, "upstream", **settings)
            reader, writer = await client(link)
            writer.write(b"hello")
            if kind == "reset":
                with pytest.raises(ConnectionResetError):
                    await reader.read(1)
            else:
                assert len(await reader.read(-1)) <= 3
            writer.close()
            await eventually(lambda: not link.facts()["connections"])

    run(show())


@pytest.mark.parametrize(("size", "limit"), [(5000, 1000), (5_000_000, 200_000), (5_000_000, 1_000_000), (5000, 5000)])
@pytest.mark.parametrize("before", [None, "bandwidth", "slicer"])
def test_what_is_within_the_limit_arrives_before_the_connection_is_closed(
    run: Callable[..., Any], size: int, limit: int, before: str | None
) -> None:
    settings: dict[str, dict[str, float]] = {"bandwidth": {"rate": 1e8}, "slicer": {"size": 50_000}}

    async def pour(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(size))
        await writer.drain()

    async def show() -> None:
        async with linked(pour) as (_, link):
            await poison(link, "limit_data", "downstream", limit=limit)
            if before is not None:
                await poison(link, before, "downstream", **settings[before])
            reader, writer = await client(link)
            assert len(await reader.read(-1)) == limit
            writer.close()
            await eventually(lambda: not link.facts()["connections"])

    run(show())


def test_what_is_on_its_way_survives_every_change_of_toxics(run: Callable[..., Any]) -> None:
    changes = [
        ("latency", {"latency_s": 0.02, "jitter_s": 0.01}),
        ("slicer", {"size": 700, "variation": 300}),
        ("bandwidth", {"rate": 3e6}),
        ("loss", {"rate": 0.2, "timeout_s": 0.005}),
        ("partition", {}),
    ]

    async def change(link: Link, random: Random) -> None:
        for number in range(200):
            kind, settings = random.choice(changes)
            direction = random.choice(["upstream", "downstream", "both"])
            for active in active_of({"kind": kind, "direction": direction, "settings": settings, "id": str(number)}):
                link.add(active)
            await asyncio.sleep(random.random() * 0.02)
            while len(link.toxics) > random.randrange(3):
                link.remove(random.choice(list(link.toxics)))

    async def show() -> None:
        sent = Random(2).randbytes(3_000_000)
        async with linked() as (_, link):
            changing = asyncio.create_task(change(link, Random(3)))
            conversations = [await client(link) for _ in range(3)]
            for _, writer in conversations:
                writer.write(sent)
                writer.write_eof()
            reading = asyncio.gather(*(reader.read(-1) for reader, _ in conversations))
            await changing
            await heal(link)
            for received in await reading:
                assert hashlib.sha256(received).digest() == hashlib.sha256(sent).digest()
            for _, writer in conversations:
                writer.close()

    run(show())


def test_probability_is_thrown_once_for_each_connection(run: Callable[..., Any]) -> None:
    async def show() -> None:
        async with linked() as (_, link):
            streams = [await client(link) for _ in range(60)]
            await eventually(lambda: link.facts()["connections"] == 60)
            for active in active_of({"kind": "latency", "settings": {"latency_s": 0.01}, "probability": 0.5}):
                link.add(active)
            having = link.facts()["toxics"][0]["connections"]
            assert 15 <= having <= 45
            await poison(link, "slicer", size=1)
            assert link.facts()["toxics"][0]["connections"] == having
            for _, writer in streams:
                writer.close()

    run(show())


def test_tls_goes_through_and_is_not_seen(run: Callable[..., Any]) -> None:
    authority = trustme.CA()
    theirs, ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    authority.configure_trust(ours)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(300_000))
        await writer.drain()
        writer.close()

    async def show() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=theirs)
        link = Proxy(1).open({"name": "it", "server": f"127.0.0.1:{server.sockets[0].getsockname()[1]}"})
        await poison(link, "slicer", size=900)
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port, ssl=ours)
        sent = Random(4).randbytes(300_000)
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent
        assert link.facts()["passed"]["upstream"] > len(sent)
        writer.close()
        link.down()
        server.close()

    run(show())


def test_many_connections_at_once(run: Callable[..., Any]) -> None:
    async def show() -> None:
        async with linked() as (_, link):
            streams = await asyncio.gather(*(client(link) for _ in range(200)))
            answers = await asyncio.gather(*(said(one, b"%04d" % number) for number, one in enumerate(streams)))
            assert answers == [b"%04d" % number for number in range(200)]
            for _, writer in streams:
                writer.close()
            await eventually(lambda: not link.facts()["connections"])
            assert link.opened == 200

    run(show())


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda proxy: proxy.open({"name": "", "server": "127.0.0.1:1"}), "not a name for a link"),
        (lambda proxy: proxy.open({"name": "it", "server": "127.0.0.1"}), "not an address"),
        (lambda proxy: proxy.open({"name": "it", "server": "127.0.0.1:1", "port": -1}), "not a port"),
        (lambda proxy: proxy.link("it"), "no such link: 'it'"),
        (lambda proxy: proxy.close("it"), "no such link: 'it'"),
        (lambda _: active_of({"kind": "latency", "direction": "sideways"}), "no such direction"),
        (lambda _: active_of({"kind": "partition", "probability": 0}), "probability is out of range"),
    ],
)
def test_what_is_refused(ask: Callable[[Proxy], object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        ask(Proxy(1))


def test_names_and_toxics_are_taken_once(run: Callable[..., Any]) -> None:
    async def show() -> None:
        async with linked() as (proxy, link):
            with pytest.raises(UsageError, match="there is such a link"):
                proxy.open({"name": "it", "server": "127.0.0.1:1"})
            with pytest.raises(UsageError, match="the port is in use"):
                proxy.open({"name": "other", "server": "127.0.0.1:1", "port": link.port})
            proxy.poison("it", {"kind": "partition"})
            with pytest.raises(UsageError, match="the link has such a toxic"):
                proxy.poison("it", {"kind": "partition"})
            with pytest.raises(UsageError, match="no such toxic"):
                proxy.heal("it", "latency")
            assert "1 toxics" in repr(link)
            proxy.reset()
            assert not link.toxics

    run(show())


def test_addresses() -> None:
    assert address("127.0.0.1:6379") == ("127.0.0.1", 6379)
    assert port_of(0) == 0
